// What holds a pod's namespaces: it waits for its end.
module prime-jennie/scripts/cluster/pause

go 1.24.0
