#!/usr/bin/env bash
# Starts what the public Mage image would start: the given command, or else a Mage server chosen by the environment.
# Left out on purpose: mounting a network file share (FILESTORE_IP_ADDRESS), which needs a privileged container.
project=${USER_CODE_PATH:-default_repo}

if [ -n "${ULIMIT_NO_FILE:-}" ]; then
    ulimit -n "$ULIMIT_NO_FILE"
fi

if [ -f "$project/requirements.txt" ]; then
    pip3 install -r "$project/requirements.txt" ||
        echo "run_app.sh: some of $project/requirements.txt could not be installed; starting without them" >&2
fi

# No exec, as in the public image: this shell stays the parent of Mage and passes no signal on.
if [ "$#" -gt 0 ]; then
    "$@"
elif [ -n "${DBT_DOCS_INSTANCE:-}" ]; then
    mage start "$project" --dbt-docs-instance 1
elif [ -n "${MANAGE_INSTANCE:-}" ]; then
    mage start "$project" --manage-instance 1
else
    options=(--project-type "${PROJECT_TYPE:-standalone}")
    [ -z "${PROJECT_UUID:-}" ] || options+=(--project-uuid "$PROJECT_UUID")
    [ -z "${CLUSTER_TYPE:-}" ] || options+=(--cluster-type "$CLUSTER_TYPE")
    mage start "$project" "${options[@]}"
fi
