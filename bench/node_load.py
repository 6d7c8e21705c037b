"""The work of compare.py done to two nodes that run already, for what their processes look like meanwhile."""
import os
import shutil
import time

from compare import arrival, fill_big, fill_small, replaced, same, sh, snapshot, TREE, wait
from hosts import node_path, p2psync, wait_for

LOADS = ('big', 'small', 'tree', 'byte', 'insert', 'append', 'rename', 'delete')


def run_load(load, nodes, idle, base, scale):
    """Returns how late the event loop of each node was, and that of a process that does nothing (ms), and the most memory
    each node ever held (MB)."""
    a, b = nodes
    ready = base / 'ready'
    ready.mkdir()
    done = None
    if load in ('big', 'small', 'tree'):
        {'big': lambda: fill_big(ready / 'big.bin', max(1, round(1024 * scale))),
         'small': lambda: fill_small(ready, round(20000 * scale), 100),
         'tree': lambda: sh('cp', '-a', TREE + '/.', str(ready))}[load]()
        change = lambda: os.rename(ready, a.folder / 'new')
    elif load in ('byte', 'insert', 'append'):
        fill_big(a.folder / 'big.bin', max(1, round(256 * scale)))
        settle(a, b)
        data = (a.folder / 'big.bin').read_bytes()
        middle = len(data) // 2
        new = {'byte': lambda: data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1:],
               'insert': lambda: b'!' + data,
               'append': lambda: data + os.urandom(1 << 20)}[load]()
        (ready / 'big.bin').write_bytes(new)
        change = lambda: os.replace(ready / 'big.bin', a.folder / 'big.bin')
        done = replaced(b.folder / 'big.bin', new)
    else:
        fill_small(a.folder / 'top', round(5000 * scale), 100)
        if load == 'delete':
            for node in nodes:
                sh(*p2psync('guard', str(node.folder), '--off', '--home', str(node.base / f'home{node.host}')), env={**os.environ, **node_path()})
        settle(a, b)
        change = {'rename': lambda: os.rename(a.folder / 'top', a.folder / 'moved'),
                  'delete': lambda: shutil.rmtree(a.folder / 'top')}[load]
    for node in (*nodes, idle):
        node.loop_delay()
    start = time.time()
    change()
    if done is None:
        done = arrival(b.folder, snapshot(a.folder))
    end = wait(done, 300)
    seen = [node.loop_delay() for node in (*nodes, idle)]
    wait_for(lambda: same(a.folder, b.folder), 20, 'the folders are not the same', step=0.5)
    return dict(tool='p2psync', kind=load, seconds=end - start,
                **{f'{key}_{name}': value[key] for name, value in zip(('sender', 'receiver', 'idle'), seen) for key in ('p50', 'p99', 'max')},
                peak_sender=a.peak_mb(), peak_receiver=b.peak_mb())


def settle(a, b):
    wait(arrival(b.folder, snapshot(a.folder)), 300)
    time.sleep(3)
