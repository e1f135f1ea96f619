"""gunicorn's configuration: it says when a worker may be visited, which the rig waits for."""

worker_class = "gthread"
graceful_timeout = 1
timeout = 60
keepalive = 30  # visitors think
control_socket_disable = True
READY = "may be visited"


def post_worker_init(worker):
    worker.log.info("%s %s", worker.pid, READY)
