"""Hosts for nodes and plain copies, each with a network of its own: namespaces on one bridge, built by test/lab/lab.sh."""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PROJECT = Path(os.environ.get('PROJECT', BENCH.parent)).resolve()
PORT = 4001
MIB = 1 << 20


class Lab:
    """`count` hosts, numbered from 1. Root only. Use it by `with`: it takes everything down at the end."""

    def __init__(self, count):
        self.name, self.count = f'bench{os.getpid()}', count
        self.env = {**os.environ, 'LAB': self.name}

    def __enter__(self):
        self.script('up', self.count)
        # /proc/PID/net shows the network of that process: one that only waits is how a host's counters are read
        self.waiting = {i: self.start(i, 'sleep', 'infinity') for i in range(1, self.count + 1)}
        return self

    def __exit__(self, *_):
        for process in self.waiting.values():
            process.kill()
            process.wait()
        self.script('down')

    def script(self, *args):
        done = subprocess.run(self.argv(*args), env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f'lab.sh {" ".join(map(str, args))}: {done.stderr.strip()}')

    def argv(self, *args):
        return [str(BENCH.parent / 'test' / 'lab' / 'lab.sh'), *map(str, args)]

    def start(self, host, *command, env=None, **options):
        return subprocess.Popen(self.argv('exec', host, *command), env={**self.env, **(env or {})}, start_new_session=True,
                                stdin=subprocess.DEVNULL, **options)

    def address(self, host):
        return f'10.77.0.{10 + host}'

    def shape(self, host, spec):
        """Delay and loss ('delay 50ms loss 1%') of what a host sends: by netem, or lab.sh's relay where the kernel has none."""
        self.script('netem', host, spec)

    def limit(self, host, bytes_per_second):
        """The rate of what a host sends, by the kernel's token bucket."""
        subprocess.run(['tc', '-n', f'{self.name}-{host}', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', 'rate',
                        f'{int(bytes_per_second * 8)}bit', 'burst', '256kb', 'latency', '100ms'], check=True)

    def received(self, host):
        """Bytes that ever reached the host, headers included."""
        text = Path(f'/proc/{self.waiting[host].pid}/net/dev').read_text()
        return int(re.search(r'eth0:\s*(\d+)', text).group(1))


class Node:
    """A device of its own on a host of the lab."""

    def __init__(self, lab, host, base, key, peers=(), args=(), loop_delay=False):
        self.lab, self.host, self.base, self.process = lab, host, base, None
        self.folder, self.delay = base / f'folder{host}', LoopDelay(base / f'loop-delay{host}')
        self.folder.mkdir(parents=True, exist_ok=True)
        self.argv = [*p2psync('start', self.folder, '--home', base / f'home{host}', '--name', f'host{host}', '--no-mdns',
                              '--listen', f'/ip4/{lab.address(host)}/tcp/{PORT}')]
        for peer in peers:
            self.argv += ['--peer', f'/ip4/{lab.address(peer)}/tcp/{PORT}']
        self.argv += args
        self.env = {**node_path(), 'P2PSYNC_KEY': key}
        if loop_delay:
            self.env |= self.delay.env

    def start(self):
        log = open(self.base / f'host{self.host}.log', 'ab')
        self.process = self.lab.start(self.host, *self.argv, env=self.env, stdout=log, stderr=log)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def peak_mb(self):
        """The most memory it ever held, in MB (10^6 bytes)."""
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        return round(int(re.search(r'VmHWM:\s+(\d+)', status).group(1)) * 1024 / 1e6, 1)

    def loop_delay(self):
        """See LoopDelay.ask."""
        return self.delay.ask(self.process)


class LoopDelay:
    """How late the event loop is of a process of Node that has this environment."""

    def __init__(self, file):
        self.file, self.asked = file, 0
        self.env = {'NODE_OPTIONS': f'--import={(BENCH / "loop-delay.ts").as_uri()}', 'LOOP_DELAY_FILE': str(file)}

    def ask(self, process):
        """Since the last call: p50, p99, max in ms."""
        self.asked += 1
        process.send_signal(signal.SIGUSR2)
        file = Path(f'{self.file}.{self.asked}')
        wait_for(file.exists, 30, 'the loop delay was not written')
        return json.loads(file.read_text())


class IdleLoop:
    """A process of Node that does nothing: how late its event loop is, is the machine's doing."""

    def __init__(self, base):
        self.delay = LoopDelay(base / 'loop-delay-idle')

    def __enter__(self):
        argv = ['node', '-e', 'setInterval(() => {}, 1e9)']
        self.process = subprocess.Popen(argv, env={**os.environ, **node_path(), **self.delay.env})
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def loop_delay(self):
        return self.delay.ask(self.process)


class Sampler:
    """Watches the bytes that reach a host: `with Sampler(lab, host) as seen`, then ask it."""
    STEP = 0.02

    def __init__(self, lab, host):
        self.lab, self.host, self.done = lab, host, threading.Event()
        self.samples = [(time.monotonic(), lab.received(host))]

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def run(self):
        while not self.done.wait(self.STEP):
            self.samples.append((time.monotonic(), self.lab.received(self.host)))

    def bytes(self):
        return self.lab.received(self.host) - self.samples[0][1]

    def first(self):
        """When the bulk began to come: the first 64 KiB were there."""
        base = self.samples[0][1]
        return next((t for t, count in self.samples if count - base > 65536), self.samples[-1][0])

    def longest_stall(self):
        """The longest time, in seconds, in which next to nothing came (1 KiB a sample), between the first 64 KiB and the last 0.5 %."""
        base, end = self.samples[0][1], self.samples[-1][1]
        longest, since = 0.0, None
        for (t0, a), (t1, b) in zip(self.samples, self.samples[1:]):
            if a - base <= 65536 or a >= end - (end - base) / 200:
                continue
            if b - a >= 1024:
                since = None
                continue
            since = t0 if since is None else since
            longest = max(longest, t1 - since)
        return longest


def p2psync(*args):
    bin = json.loads((PROJECT / 'package.json').read_text())['bin']
    return ['node', str(PROJECT / bin['p2psync']), *map(str, args)]


def node_path():
    return {'PATH': f"{PROJECT / 'node_modules' / '.bin'}:{os.environ['PATH']}"}


def new_key():
    return subprocess.check_output(p2psync('key', 'new'), text=True, env={**os.environ, **node_path()}).split()[-1]


def wait_for(check, seconds, problem, step=0.01):
    """The moment at which `check` became true, by time.monotonic()."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if check():
            return time.monotonic()
        time.sleep(step)
    raise TimeoutError(f'{problem} within {seconds} s')


def tcp_copy(lab, parts, target, source, into):
    """Copies `source` to files in the folder `into` of host `target`; `parts` is [(host, offset, length)], all at once.

    Returns seconds, from the first connection to the last byte written.
    """
    script = str(BENCH / 'tcp_copy.py')
    senders = [lab.start(host, sys.executable, script, 'send', PORT + 1, source, offset, length, stdout=subprocess.PIPE)
               for host, offset, length in parts]
    for sender in senders:
        if sender.stdout.readline() != b'ready\n':
            raise RuntimeError('the plain TCP copy did not start')
    receivers = [lab.start(target, sys.executable, script, 'recv', lab.address(host), PORT + 1, into / f'tcp{host}',
                           stdout=subprocess.PIPE) for host, _, _ in parts]
    seconds = [json.loads(receiver.communicate()[0])['seconds'] for receiver in receivers]
    for sender in senders:
        sender.communicate()
    for host, _, length in parts:
        copy = into / f'tcp{host}'
        if copy.stat().st_size != length:
            raise RuntimeError('the plain TCP copy is not whole')
        copy.unlink()
    return max(seconds)
