#!/usr/bin/env python3
"""Times p2psync and the programs its users would pick instead on the same work, side by side.

    unshare -n python3 bench/compare.py TOOL[,TOOL...] WORKLOAD[,WORKLOAD...] [--dir SCRATCH] [--runs N] [--json FILE]

TOOL      rsync | unison | syncthing | syncthing-tuned | p2psync
WORKLOAD  start    one file of 2 bytes, first sync: what two programs cost that have nothing to do
          big      one 1 GiB random file, first sync to an empty replica
          small    20,000 random files of 4 KiB in 200 folders, first sync
          tree     a real tree (TREE=folder, default /usr/lib/python3), first sync
          byte     1 byte changed in the middle of a synced 256 MiB file
          insert   1 byte inserted at the front of a synced 256 MiB file
          append   1 MiB appended to a synced 256 MiB file
          latency  50 small files written one at a time, each timed until the other side has it
          rename   a synced folder with 5,000 files of 4 KiB is renamed
          delete   a synced folder with 5,000 files is removed
          idle     CPU seconds over 20 s, and memory, with 20,000 synced files

Each run starts from nothing. 'seconds' runs from both daemons being started (or, in the change
workloads, from the change, which new bytes are written for before) to the other side being
identical. That is looked for at little cost, so that whoever is timed has both cores, and what
is found is compared once more, byte by byte, when the clock has stopped. 'wire' is the bytes on loopback
in this network namespace. Run it in an empty namespace (unshare -n): it brings lo up itself and
nothing leaves it. p2psync is what `npm run build` made of this checkout (or of the one that
PROJECT names). Of the others, those that you ask for must be installed; rsync and unison are
timed by /usr/bin/time.
"""
import argparse, hashlib, json, os, random, re, shutil, signal, statistics, subprocess, sys, time, urllib.request, urllib.error
from pathlib import Path

PROJECT = Path(os.environ.get('PROJECT', Path(__file__).resolve().parent.parent)).resolve()
TREE = os.environ.get('TREE', '/usr/lib/python3')


def sh(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)


def wire_bytes():
    for line in open('/proc/net/dev'):
        if line.strip().startswith('lo:'):
            return int(line.split(':')[1].split()[0])
    return 0


def snapshot(root):
    out = {}
    for d, dirs, files in os.walk(root):
        dirs[:] = [x for x in dirs if x not in ('.stfolder', '.stversions', '.p2psync')]
        for f in files:
            if f.startswith('.syncthing.') or f.startswith('.unison') or f.startswith('.p2psync'):
                continue
            p = os.path.join(d, f)
            try:
                out[os.path.relpath(p, root)] = os.lstat(p).st_size
            except FileNotFoundError:
                pass
    return out


def digest(path):
    h = hashlib.sha256()
    if os.path.islink(path):
        return 'link:' + os.readlink(path)
    with open(path, 'rb') as f:
        while b := f.read(1 << 20):
            h.update(b)
    return h.hexdigest()


def same(a, b, deep=True):
    sa, sb = snapshot(a), snapshot(b)
    if sa != sb:
        return False
    return not deep or all(digest(os.path.join(a, p)) == digest(os.path.join(b, p)) for p in sa)


def proc_tree(pid):
    pids, todo = [], [pid]
    while todo:
        p = todo.pop()
        pids.append(p)
        try:
            for t in os.listdir(f'/proc/{p}/task'):
                todo += [int(c) for c in open(f'/proc/{p}/task/{t}/children').read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return pids


def usage(pids):
    cpu = peak = rss = 0
    tick = os.sysconf('SC_CLK_TCK')
    for root in pids:
        for p in proc_tree(root):
            try:
                f = open(f'/proc/{p}/stat').read().rsplit(')', 1)[1].split()
                cpu += (int(f[11]) + int(f[12])) / tick
                s = open(f'/proc/{p}/status').read()
                m = re.search(r'VmHWM:\s+(\d+)', s); peak += int(m.group(1)) if m else 0
                m = re.search(r'VmRSS:\s+(\d+)', s); rss += int(m.group(1)) if m else 0
            except (FileNotFoundError, ProcessLookupError, AttributeError):
                pass
    return cpu, peak / 1024, rss / 1024


class Daemon:
    """A pair of long-running nodes, A (origin) and B (replica)."""
    batch = False

    def __init__(self, base):
        self.base, self.procs = base, []
        self.a, self.b = base / 'A', base / 'B'

    def spawn(self, *argv, env=None, log='x'):
        f = open(self.base / f'{log}.log', 'ab')
        p = subprocess.Popen(argv, stdout=f, stderr=f, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, start_new_session=True)
        self.procs.append(p)
        return p

    def stop(self):
        for p in self.procs:
            try:
                os.killpg(p.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for p in self.procs:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()

    def usage(self):
        return usage([p.pid for p in self.procs])

    def peaks(self):
        """The most memory that each node alone ever held, in MiB."""
        return [round(usage([p.pid])[1], 1) for p in self.procs]

    def settle(self):
        pass


class Syncthing(Daemon):
    watch_delay = 10  # its default, written out: left out of the file it means no watcher

    def prepare(self):
        ids = {}
        for n in 'AB':
            home = self.base / f'home{n}'
            sh('syncthing', 'generate', f'--home={home}', '--no-default-folder')
            ids[n] = subprocess.check_output(['syncthing', f'--home={home}', '--device-id'], text=True, stderr=subprocess.DEVNULL).strip()
        delay = f' fsWatcherDelayS="{self.watch_delay}"' if self.watch_delay is not None else ''
        for i, n in enumerate('AB'):
            home, folder, other = self.base / f'home{n}', (self.a, self.b)[i], 'BA'[i]
            (folder / '.stfolder').mkdir(parents=True, exist_ok=True)
            devs = ''.join(
                f'<device id="{ids[m]}" name="{m}" compression="metadata"><address>tcp://127.0.0.1:{22101 + j}</address></device>'
                for j, m in enumerate('AB'))
            (home / 'config.xml').write_text(f'''<configuration version="36">
<folder id="f" label="f" path="{folder}" type="sendreceive" autoNormalize="true" rescanIntervalS="3600" fsWatcherEnabled="true"{delay}>
<filesystemType>basic</filesystemType><minDiskFree unit="%">1</minDiskFree><maxConflicts>10</maxConflicts><weakHashThresholdPct>25</weakHashThresholdPct><markerName>.stfolder</markerName><maxConcurrentWrites>2</maxConcurrentWrites><device id="{ids['A']}"/><device id="{ids['B']}"/></folder>
{devs}
<gui enabled="true" tls="false"><address>127.0.0.1:{28101 + i}</address><apikey>k</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:{22101 + i}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
<localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
<urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>
<startBrowser>false</startBrowser><reconnectionIntervalS>1</reconnectionIntervalS></options></configuration>''')

    def start(self):
        for n in 'AB':
            self.spawn('syncthing', 'serve', f'--home={self.base}/home{n}', '--no-browser', '--no-upgrade', log=n,
                       env={'STNODEFAULTFOLDER': '1', 'STNOUPGRADE': '1'})


class SyncthingTuned(Syncthing):
    watch_delay = 1


class P2psync(Daemon):
    """The command line of the project in PROJECT, run as its README says, with the Node that it brings."""

    def argv(self, *args):
        b = json.loads((PROJECT / 'package.json').read_text())['bin']
        return ['node', str(PROJECT / (b if isinstance(b, str) else b['p2psync'])), *args]

    @property
    def env(self):
        return {'PATH': f"{PROJECT / 'node_modules' / '.bin'}:{os.environ['PATH']}"}

    def prepare(self):
        self.key = subprocess.check_output(self.argv('key', 'new'), text=True, env={**os.environ, **self.env}).split()[-1]

    def start(self):
        for i, n in enumerate('AB'):
            folder = (self.a, self.b)[i]
            self.spawn(*self.argv('start', str(folder), '--home', str(self.base / f'home{n}'), '--name', n, '--no-mdns',
                                  '--listen', f'/ip4/127.0.0.1/tcp/{23101 + i}', '--peer', f'/ip4/127.0.0.1/tcp/{23101 + 1 - i}'),
                       log=n, env={**self.env, 'P2PSYNC_KEY': self.key})

    def let_go(self):
        """No change waits for a person, however much goes."""
        for folder, n in ((self.a, 'A'), (self.b, 'B')):
            subprocess.run(self.argv('guard', str(folder), '--off', '--home', str(self.base / f'home{n}')), check=True,
                           stdout=subprocess.DEVNULL, env={**os.environ, **self.env})


class Batch(Daemon):
    """A program that is run once for each sync."""
    batch = True

    def prepare(self):
        pass

    def start(self):
        pass

    def usage(self):
        return self.last

    def timed(self, *argv):
        before = os.times()
        t = time.time()
        p = subprocess.Popen(['/usr/bin/time', '-f', '%M', *argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _, err = p.communicate()
        after = os.times()
        if p.returncode:
            raise RuntimeError(err[-500:])
        self.last = (after.children_user + after.children_system - before.children_user - before.children_system,
                     int(err.strip().split()[-1]) / 1024, 0)
        return time.time() - t


class Rsync(Batch):
    """rsync against its own daemon on loopback, as on a LAN; one way."""

    def prepare(self):
        conf = self.base / 'rsyncd.conf'
        conf.write_text(f'port=23873\naddress=127.0.0.1\nuse chroot=no\n[b]\npath={self.b}\nread only=no\nuid=0\ngid=0\n')
        self.b.mkdir(parents=True, exist_ok=True)
        self.spawn('rsync', '--daemon', '--no-detach', f'--config={conf}', log='rsyncd')
        time.sleep(0.5)

    def sync(self):
        c0 = usage([p.pid for p in self.procs])[0]
        s = self.timed('rsync', '-a', '--delete', f'{self.a}/', 'rsync://127.0.0.1:23873/b/')
        return s


class Unison(Batch):
    def prepare(self):
        self.b.mkdir(parents=True, exist_ok=True)
        self.env = {**os.environ, 'UNISON': str(self.base / 'uni')}
        os.environ['UNISON'] = str(self.base / 'uni')
        self.spawn('unison', '-socket', '23874', '-host', '127.0.0.1', log='unison', env={'UNISON': str(self.base / 'uniS')})
        time.sleep(0.5)

    def sync(self):
        return self.timed('unison', str(self.a), f'socket://127.0.0.1:23874/{self.b}', '-batch', '-confirmbigdel=false', '-silent', '-times')


TOOLS = {'rsync': Rsync, 'unison': Unison, 'syncthing': Syncthing, 'syncthing-tuned': SyncthingTuned, 'p2psync': P2psync}


def rnd(n, seed):
    return random.Random(seed).randbytes(n)


def fill_small(root, n, per, seed=1, size=4096):
    r = random.Random(seed)
    for i in range(n):
        d = root / f'd{i // per:04d}'
        if i % per == 0:
            d.mkdir(parents=True, exist_ok=True)
        (d / f'f{i:06d}.bin').write_bytes(r.randbytes(size))


def fill_big(path, mib, seed=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    r = random.Random(seed)
    with open(path, 'wb') as f:
        for _ in range(mib):
            f.write(r.randbytes(1 << 20))


def wait(check, limit, step=0.02):
    """Returns the time (s) that `check` tells; it tells None as long as it does not find what it looks for."""
    t = time.time()
    while time.time() - t < limit:
        at = check()
        if at is not None:
            return at
        time.sleep(step)
    raise TimeoutError(f'not in sync after {limit} s')


def arrival(root, want, gone=()):
    """A check for `wait`: since when `root` holds the files of `want` (path: size), nothing else, and none of the paths `gone`.

    A walk over 20,000 files takes 0.3 s, and polling would keep a core busy with walks: a file that has been seen is
    not looked at again before all have been. In an order of its own, which no program sends files in.
    """
    left = list(want.items())
    random.Random(7).shuffle(left)
    seen = []

    def is_there(path, size):
        try:
            return os.lstat(os.path.join(root, path)).st_size == size
        except (FileNotFoundError, NotADirectoryError):
            return False

    def check():
        while left:
            if not is_there(*left[-1]):
                return None
            seen.append(left.pop())
        if any(os.path.lexists(os.path.join(root, path)) for path in gone):
            return None
        at = time.time()
        if snapshot(root) == want:
            return at
        left.extend(seen)
        seen.clear()
        return None
    return check


def replaced(path, content):
    """A check for `wait`: since when another file than now is at `path`, with this content."""
    before = os.stat(path)
    digest_wanted = hashlib.sha256(content).hexdigest()

    def check():
        at = time.time()
        try:
            now = os.stat(path)
        except FileNotFoundError:
            return None
        is_other = now.st_size == len(content) and (now.st_ino, now.st_mtime_ns) != (before.st_ino, before.st_mtime_ns)
        return at if is_other and digest(path) == digest_wanted else None
    return check


def measure(node, change, done, limit):
    w0, c0 = wire_bytes(), (0 if node.batch else node.usage()[0])
    t0 = time.time()
    change()
    if node.batch:
        s = node.sync()
        c, peak, _ = node.usage()
        return dict(seconds=s, wire=wire_bytes() - w0, cpu=c, peak=peak)
    t1 = wait(done, limit)
    c, peak, _ = node.usage()
    peaks = node.peaks()
    time.sleep(0.3)
    return dict(seconds=t1 - t0, wire=wire_bytes() - w0, cpu=c - c0, peak=peak, peaks=peaks)


def first_sync(tool, base, fill, limit=240):
    node = TOOLS[tool](base)
    node.a.mkdir(parents=True); node.b.mkdir(parents=True)
    fill(node.a)
    node.prepare()
    want = snapshot(node.a)
    try:
        done = arrival(node.b, want)
        w0 = wire_bytes(); t0 = time.time()
        node.start()
        if node.batch:
            s = node.sync(); c, peak, _ = node.usage()
        else:
            s = wait(done, limit) - t0
            c, peak, _ = node.usage()
        r = dict(seconds=s, wire=wire_bytes() - w0, cpu=c, peak=peak)
        if not node.batch:
            r['peaks'] = node.peaks()
        deadline = time.time() + 20
        while not same(node.a, node.b):
            if time.time() > deadline:
                raise RuntimeError('replicas differ after sync')
            time.sleep(0.5)
        return node, r
    except BaseException:
        node.stop()
        raise


def run(tool, load, base):
    if load in ('start', 'big', 'small', 'tree'):
        fill = {'start': lambda a: (a / 'hi.txt').write_text('hi'),
                'big': lambda a: fill_big(a / 'big.bin', 1024),
                'small': lambda a: fill_small(a, 20000, 100),
                'tree': lambda a: sh('cp', '-a', TREE + '/.', str(a))}[load]
        node, r = first_sync(tool, base, fill)
        node.stop()
        return r
    if load in ('byte', 'insert', 'append'):
        node, _ = first_sync(tool, base, lambda a: fill_big(a / 'big.bin', 256))
        try:
            time.sleep(3 if not node.batch else 1.1)
            f = node.a / 'big.bin'
            data = f.read_bytes()
            if load == 'byte':
                at = len(data) // 2
                new = data[:at] + bytes([data[at] ^ 255]) + data[at + 1:]
            elif load == 'insert':
                new = b'!' + data
            else:
                new = data + rnd(1 << 20, 9)
            tmp = node.a.parent / 'tmp.bin'
            tmp.write_bytes(new)
            target = node.b / 'big.bin'
            r = measure(node, lambda: os.replace(tmp, f), replaced(target, new), 180)
            assert digest(target) == digest(f)
            return r
        finally:
            node.stop()
    if load in ('rename', 'delete'):
        node, _ = first_sync(tool, base, lambda a: fill_small(a / 'top', 5000, 100))
        try:
            if load == 'delete' and tool == 'p2psync':
                node.let_go()
            time.sleep(3)
            if load == 'rename':
                change = lambda: os.rename(node.a / 'top', node.a / 'moved')
                want = {os.path.join('moved', os.path.relpath(p, 'top')): size for p, size in snapshot(node.a).items()}
            else:
                change = lambda: shutil.rmtree(node.a / 'top')
                want = {}
            r = measure(node, change, arrival(node.b, want, gone=['top']), 180)
            return r
        finally:
            node.stop()
    if load == 'latency':
        node, _ = first_sync(tool, base, lambda a: fill_small(a, 100, 10))
        if node.batch:
            node.stop()
            return dict(skipped='no watcher')
        try:
            time.sleep(3)
            lat = []
            for i in range(int(os.environ.get('SHOTS', '50'))):
                p, q = node.a / f'shot{i}.txt', node.b / f'shot{i}.txt'
                body = rnd(2000, i)
                t0 = time.time()
                p.write_bytes(body)
                lat.append(wait(lambda: time.time() if q.exists() and q.stat().st_size == 2000 else None, 60, 0.002) - t0)
                time.sleep(0.2)
            lat.sort()
            return dict(p50=statistics.median(lat), p99=lat[int(len(lat) * .99) - 1], max=lat[-1])
        finally:
            node.stop()
    if load == 'idle':
        node, _ = first_sync(tool, base, lambda a: fill_small(a, 20000, 100))
        if node.batch:
            node.stop()
            return dict(skipped='no daemon')
        try:
            time.sleep(10)
            c0, _, _ = node.usage()
            w0 = wire_bytes()
            time.sleep(20)
            c1, peak, rss = node.usage()
            each = [round(usage([p.pid])[2], 1) for p in node.procs]
            return dict(cpu=c1 - c0, rss=rss, rss_each=each, peak=peak, peaks=node.peaks(), wire=wire_bytes() - w0)
        finally:
            node.stop()
    raise SystemExit(f'unknown workload {load}')


LARGE = ('big', 'byte', 'insert', 'append')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('tools'); ap.add_argument('loads')
    ap.add_argument('--dir', default='/tmp/peers'); ap.add_argument('--runs', type=int, default=1); ap.add_argument('--json')
    o = ap.parse_args()
    sh('ip', 'link', 'set', 'lo', 'up')
    rows = []
    scratch = Path(o.dir) / f'{int(time.time())}'     # small files are not removed before the end: ext4 creates files
    for load in o.loads.split(','):
        for k in range(o.runs):
            for tool in o.tools.split(','):      # the tools in turn, so that drift of the machine hits all alike
                base = scratch / f'{tool}-{load}-{k}'
                base.mkdir(parents=True)
                try:
                    r = run(tool, load, base)
                except Exception as e:
                    r = dict(failed=f'{type(e).__name__}: {e}')
                r = {x: (round(y, 3) if isinstance(y, float) else y) for x, y in r.items()}
                if load in LARGE and 'failed' not in r:
                    shutil.rmtree(base)              # few large files: twelve runs of them would fill the memory
                rows.append(dict(tool=tool, load=load, **r))
                print(json.dumps(rows[-1]), flush=True)
    if all('failed' not in r for r in rows):           # twentyfold slower for a minute after a mass delete
        shutil.rmtree(scratch, ignore_errors=True)
    if o.json:
        Path(o.json).write_text(json.dumps(rows, indent=1))


if __name__ == '__main__':
    main()
