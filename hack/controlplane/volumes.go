package main

import (
	"log"
	"os"

	"github.com/fsnotify/fsnotify"
)

// The folder that Kubernetes' host path provisioner has compiled in.
const volumes = "/tmp/hostpath_pv"

// openVolumes lets any user write to each new volume. The provisioner makes them for root alone, and
// fsGroup does not apply to host paths, so a pod that runs as another user could not use its volume.
func openVolumes() {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(volumes)
	}
	if err != nil {
		log.Fatalf("volumes: %v", err)
	}
	for event := range watcher.Events {
		if event.Has(fsnotify.Create) {
			if err := os.Chmod(event.Name, 0o777); err != nil {
				log.Printf("volumes: %v", err)
			}
		}
	}
}
