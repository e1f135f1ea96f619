"""Real servers for the services tests: each on a free loopback port, in a temporary folder.

    with redis() as server: ... server.port ...

Every server is a direct child, started in the foreground, awaited by connecting, and stopped by
its pid; if this process is killed first, the kernel stops it for us (PR_SET_PDEATHSIG). The signal
follows the *thread* that started it: start servers from the main one, as pytest's fixtures do.
Standard library only: run as a script, this prints the Debian packages the machine lacks.
"""

import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

# What is looked for -> the Debian package that has it. Debian keeps PostgreSQL's servers off PATH.
PACKAGES = {
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "memcached": "memcached",
    "rabbitmq-server": "rabbitmq-server",
    "carbon-cache": "graphite-carbon",
    "chromium": "chromium",
    "varnishd": "varnish",
    "libvmod_xkey.so": "varnish-modules",
    "nginx": "nginx-light",
}
# What is no program: where it lies.
FILES = {"libvmod_xkey.so": "/usr/lib/*/varnish/vmods/libvmod_xkey.so"}
OTHER_NAMES = {"chromium": ["chromium-browser", "google-chrome"]}


class ServerError(Exception):
    """A server is missing, or did not start; the message says the way out."""


@dataclass(frozen=True)
class Server:
    """A running server: connect to `host`:`port`; `folder` holds its files and `log`."""

    pid: int
    port: int
    folder: Path
    host: str = "127.0.0.1"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    @contextlib.contextmanager
    def silent(self):
        """It keeps its connections and says nothing: a signal alone leaves its threads a moment."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            tasks = [path / "stat" for path in Path(f"/proc/{self.pid}/task").iterdir()]
            while any(path.read_text().rpartition(")")[2].split()[0] != "T" for path in tasks):
                time.sleep(0.001)
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """At once; it is gone on return."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)


def executable(name: str) -> str:
    """The full path of a server's program."""
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    folders = [os.environ.get("PATH", ""), "/usr/bin", "/usr/sbin", *map(str, postgres)]
    for candidate in [name, *OTHER_NAMES.get(name, [])]:
        if found := shutil.which(candidate, path=os.pathsep.join(folders)):
            return found
    raise ServerError(
        f"{name} is not installed; it is in the Debian package {PACKAGES[name]!r}. "
        "`make test-services` installs it as root; or run scripts/install_servers.sh."
    )


def missing_packages() -> list[str]:
    def lacks(name: str) -> bool:
        if name in FILES:
            return not glob.glob(FILES[name])
        try:
            return not executable(name)
        except ServerError:
            return True

    return [package for name, package in PACKAGES.items() if lacks(name)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def redis():
    with _folder() as folder:
        port = free_port()
        argv = [executable("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
        argv += ["--save", "", "--dir", str(folder)]
        with _running(argv, port, folder) as server:
            yield server


@contextlib.contextmanager
def memcached():
    with _folder("nobody") as folder:
        port = free_port()
        argv = [executable("memcached"), "-l", "127.0.0.1", "-p", str(port), "-U", "0"]
        with _running(argv, port, folder, user="nobody") as server:
            yield server


@contextlib.contextmanager
def rabbitmq():
    """User and password `guest`."""
    with _folder("rabbitmq") as folder:
        port, names = free_port(), free_port()
        plugins = folder / "plugins"
        plugins.write_text("[].")
        environment = {
            "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_DIST_PORT": free_port(),
            "ERL_EPMD_PORT": names,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"unhurried{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
            "HOME": folder,
        }
        with (
            _names_of_erlang(names, folder),
            _running(
                [executable("rabbitmq-server")],
                port,
                folder,
                user="rabbitmq",
                stop=signal.SIGKILL,  # there is nothing to be saved
                environment={name: str(value) for name, value in environment.items()},
            ) as server,
        ):
            yield server


@contextlib.contextmanager
def _names_of_erlang(port: int, folder: Path):
    """The name server that RabbitMQ would start by itself, and leave behind."""
    argv = [executable("epmd"), "-port", str(port), "-address", "127.0.0.1"]
    inner = folder / "epmd"
    inner.mkdir()
    with _running(argv, port, inner, user="nobody"):
        yield


@contextlib.contextmanager
def postgres(*options: str):
    """User `postgres`, no password; options as in `postgres("fsync=off")`."""
    with _folder("postgres") as folder:
        port, data, program = free_port(), folder / "data", executable("postgres")
        _initdb(program, data, folder)
        argv = [program, "-D", str(data), "-p", str(port), "-k", ""]  # no Unix socket: TCP alone
        argv += [f"--{option}" for option in ("listen_addresses=127.0.0.1", *options)]
        # SIGINT is "fast": SIGTERM would wait for clients to leave.
        # It listens, and turns clients away, a moment before it is ready.
        said = "ready to accept connections"
        with _running(argv, port, folder, "postgres", signal.SIGINT, said) as server:
            yield server


@contextlib.contextmanager
def carbon():
    """Carbon's line receiver at `port`; metric a.b is whisper file `folder`/whisper/a/b.wsp."""
    with _folder() as folder:
        port = free_port()
        (folder / "storage-schemas.conf").write_text(CARBON_SCHEMAS)
        (folder / "carbon.conf").write_text(CARBON_CONF.format(port=port, folder=folder))
        argv = [executable("carbon-cache"), f"--config={folder}/carbon.conf", "--nodaemon", "start"]
        with _running(argv, port, folder) as server:
            yield server


@contextlib.contextmanager
def varnish(vcl: str, *parameters: str, port: int = 0):
    """With this VCL; parameters as in ``varnish(vcl, "feature=+esi_disable_xml_check")``."""
    with _folder() as folder:
        port = port or free_port()
        (folder / "site.vcl").write_text(vcl)
        argv = [executable("varnishd"), "-F", "-j", "none", "-n", str(folder / "work")]
        argv += ["-f", str(folder / "site.vcl"), "-a", f"127.0.0.1:{port}", "-s", "malloc,32m"]
        argv += ["-T", "none", *(word for each in parameters for word in ("-p", each))]
        with _running(argv, port, folder) as server:
            yield server


@contextlib.contextmanager
def nginx(conf: str, port: int):
    """With this within its ``http``; it has to listen at the port."""
    with _folder() as folder:
        (folder / "nginx.conf").write_text(NGINX_CONF.replace("HERE", str(folder)) % conf)
        argv = [executable("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        argv += ["-e", str(folder / "server.log")]
        with _running(argv, port, folder) as server:
            yield server


# One process, in the foreground, that writes in its folder alone.
NGINX_CONF = """
daemon off;
master_process off;
pid HERE/pid;
events {}
http {
access_log off;
client_body_temp_path HERE/body;
proxy_temp_path HERE/proxy;
fastcgi_temp_path HERE/fastcgi;
uwsgi_temp_path HERE/uwsgi;
scgi_temp_path HERE/scgi;
default_type text/html;
%s
}
"""


def chromium() -> str:
    """Chromium's path, for Playwright: chromium.launch(executable_path=..., args=CHROMIUM_ARGS)."""
    return executable("chromium")


# The sandbox refuses root, as whom containers run their tests; the rest keeps it from phoning out.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

CARBON_SCHEMAS = """
[everything]
pattern = .*
retentions = 1s:1h
"""

# ENABLE_TAGS would look for a tag database; a creation limit would lose a test's first points.
CARBON_CONF = """
[cache]
CONF_DIR = {folder}
LOCAL_DATA_DIR = {folder}/whisper/
LOG_DIR = {folder}
PID_DIR = {folder}
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
PICKLE_RECEIVER_PORT = 0
CACHE_QUERY_PORT = 0
ENABLE_TAGS = False
MAX_CREATES_PER_MINUTE = inf
"""


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def _other(user: str | None) -> str | None:
    """Servers that refuse root run as `user`, if it is root who runs us."""
    return user if os.geteuid() == 0 else None


@contextlib.contextmanager
def _folder(user: str | None = None):
    with tempfile.TemporaryDirectory(prefix="unhurried-", ignore_cleanup_errors=True) as name:
        if _other(user):
            shutil.chown(name, user)
        yield Path(name)


def _as_user(user: str | None) -> dict:
    """Popen's arguments to become `user`, with none of root's groups kept."""
    if not _other(user):
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _initdb(program: str, data: Path, folder: Path) -> None:
    argv = [str(Path(program).with_name("initdb")), "-D", str(data)]
    argv += ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=False, **_as_user("postgres")
    )
    if done.returncode:
        raise ServerError(f"initdb failed in {folder}:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _running(argv, port, folder, user=None, stop=signal.SIGTERM, said="", environment=None):
    parent = os.getpid()

    def die_with_parent():  # after Popen has changed the user, which would clear it
        LIBC.prctl(PR_SET_PDEATHSIG, stop)
        if os.getppid() != parent:
            os._exit(1)

    # Its own session: the terminal's Ctrl-C must not stop it before its tests.
    # PYTHON* would reach carbon, which is a Python program of the system's.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
            **_as_user(user),
        )
    try:
        server = Server(process.pid, port, folder)
        _wait(process, server, Path(argv[0]).name, said)
        yield server
    finally:
        _stop(process, stop)


def _wait(process: subprocess.Popen, server: Server, name: str, said: str) -> None:
    """Until it answers, and has `said` so in its log."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((server.host, server.port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
            continue
        if said in server.log:
            return
        time.sleep(0.02)
    how = "still starts" if process.poll() is None else f"exited with {process.returncode}"
    raise ServerError(
        f"{name} does not answer on {server.host}:{server.port} after at most {START_SECONDS} s "
        f"({how}). Its log:\n{server.log[-3000:]}"
    )


def _stop(process: subprocess.Popen, how: signal.Signals) -> None:
    """With its children: the scripts around some servers tell them nothing."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages()))
