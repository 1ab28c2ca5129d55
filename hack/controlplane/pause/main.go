// Command pause does nothing until it is told to end. It holds namespaces: those of a pod,
// as its sandbox container, and those of a node of hack/cluster, as its first process.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signal.Ignore(syscall.SIGCHLD) // the kernel then reaps orphans that end up with us
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
