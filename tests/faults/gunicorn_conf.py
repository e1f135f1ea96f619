"""gunicorn's configuration of the bench: it says when a worker could serve, which the rig awaits."""

worker_class = "gthread"
graceful_timeout = 1
timeout = 60
keepalive = 30  # visitors think
control_socket_disable = True
READY = "may be visited"


def post_worker_init(worker):
    worker.log.info("%s %s", worker.pid, READY)
