#!/usr/bin/env python3
"""Times p2psync on links that are slow, far, lossy or cut, each host in a network of its own, beside a plain TCP copy.

    python3 bench/links.py FIGURE[,FIGURE...]|all [--runs N] [--dir SCRATCH] [--scale S] [--json FILE] [--node-args "..."]

FIGURE    peers     three nodes have 1 GiB, a fourth fetches it; each of the three may send 50 MiB/s
          rtt       a 256 MiB file at a round trip of 50 ms
          loss      a 256 MiB file at a round trip of 20 ms, 1 % of its packets lost
          resume    the receiver is killed when half of 1 GiB has come, and started again
          compress  logs, source and prose that shrink to a third, and random bytes, on 100 Mbit/s
          lag       how late each node's event loop is, and the most memory it takes, while the work of compare.py is done

Root only; needs iproute2, nftables and, where the kernel has no sch_netem, gcc. Delay and loss are on what the first host
sends. p2psync is what `npm run build` made of this checkout, or of the one that PROJECT names. `seconds` runs from the
moment at which the file is moved into the folder of a running, connected node until the other has it, hashing included;
in `peers` from the start of the fourth node. `tcp` copies the same file over the same link just before, by sendfile,
without encryption. What arrives is compared with what was sent, outside of the measured time.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from compare import digest, fill_big
from compressible import write_logs, write_prose, write_source
from hosts import IdleLoop, MIB, PROJECT, Lab, Node, Sampler, new_key, node_path, tcp_copy, wait_for
from node_load import LOADS, run_load


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('figures')
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--dir', default='/dev/shm/links')
    parser.add_argument('--scale', type=float, default=1, help='of the sizes: 0.1 for a quick try')
    parser.add_argument('--json', help='all figures of all runs go there')
    parser.add_argument('--node-args', default='', help='given to every node')
    parser.add_argument('--limit-up', action='store_true', help='peers: limit by the option of p2psync, not by the link')
    parser.add_argument('--kill', choices=('receiver', 'sender', 'both'), default='receiver', help='resume: who is killed')
    parser.add_argument('--loads', default=','.join(LOADS), help='lag: while what is done')
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit('links.py needs root: it makes network namespaces')
    names = list(FIGURES) if options.figures == 'all' else options.figures.split(',')
    if unknown := [name for name in names if name not in FIGURES]:
        parser.error(f'unknown: {", ".join(unknown)}; there are {", ".join(FIGURES)}')
    options.node_args = options.node_args.split()
    scratch, rows = Path(options.dir) / f'{os.getpid()}', []
    try:
        for name in names:
            for run in range(options.runs):
                base = scratch / f'{name}{run}'
                base.mkdir(parents=True)
                for row in attempt(name, base, options):
                    rows.append(dict(figure=name, run=run, **{k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}))
                    print(json.dumps(rows[-1]), flush=True)
                if 'failed' not in rows[-1]:
                    shutil.rmtree(base)
    finally:
        if options.json:
            Path(options.json).write_text(json.dumps(rows, indent=1))
    print(table(rows))
    if any('failed' in row for row in rows):
        raise SystemExit(f'what failed is kept in {scratch}')
    shutil.rmtree(scratch, ignore_errors=True)


def attempt(name, base, options):
    try:
        yield from FIGURES[name](base, options)
    except (RuntimeError, TimeoutError, OSError, subprocess.CalledProcessError) as problem:
        yield dict(tool='p2psync', failed=f'{type(problem).__name__}: {problem}')


def peers(base, options):
    size, rate = scaled(1024, options), 50 * MIB
    source = random_file(base / 'big.bin', size)
    with Lab(4) as lab:
        for host in (1, 2, 3):
            if not options.limit_up:
                lab.limit(host, rate)
        if not options.limit_up:  # nothing would limit the plain copy
            part = -(-size // 3)
            parts = [(host, (host - 1) * part, min(part, size - (host - 1) * part)) for host in (1, 2, 3)]
            seconds = tcp_copy(lab, parts, 4, source, base)
            yield dict(tool='tcp', seconds=seconds, mib_s=size / MIB / seconds)
        key, limit = new_key(), ['--limit-up', '50MiB'] if options.limit_up else []
        nodes = [Node(lab, host, base, key, [peer for peer in range(1, host)], options.node_args + (limit if host < 4 else []))
                 for host in range(1, 5)]
        try:
            for node in nodes[:3]:
                shutil.copy2(source, node.folder / source.name)
                (node.folder / f'from{node.host}').write_text('')
                node.start()
            wait_for(lambda: all((node.folder / f'from{i}').exists() for node in nodes[:3] for i in (1, 2, 3)), 60, 'the three did not meet')
            time.sleep(2)
            with Sampler(lab, 4) as seen:
                start = time.monotonic()
                nodes[3].start()
                end = wait_for(arrived(nodes[3].folder / source.name, size), 300, 'not in sync')
            yield result(size, start, end, seen)
            check(source, nodes[3].folder / source.name)
        finally:
            stop(nodes)


def rtt(base, options):
    yield from beside_tcp(base, options, lambda lab: lab.shape(1, 'delay 50ms'))


def loss(base, options):
    yield from beside_tcp(base, options, lambda lab: lab.shape(1, 'delay 20ms loss 1%'))


def beside_tcp(base, options, shape):
    size = scaled(256, options)
    with Lab(2) as lab:
        shape(lab)
        source = random_file(base / 'big.bin', size)
        with Sampler(lab, 2) as seen:
            seconds = tcp_copy(lab, [(1, 0, size)], 2, source, base)
        yield dict(tool='tcp', seconds=seconds, mib_s=size / MIB / seconds, stall=seen.longest_stall())
        nodes = pair(lab, base, options)
        try:
            yield drop(lab, nodes, source, size)
        finally:
            stop(nodes)


def resume(base, options):
    size, whole = scaled(1024, options), None
    for cut in (False, True):
        with Lab(2) as lab:
            here = base / f'cut{int(cut)}'
            here.mkdir()
            source = random_file(here / 'big.bin', size)
            nodes = pair(lab, here, options)
            try:
                if not cut:
                    row = drop(lab, nodes, source, size)
                    whole = row['wire']
                    yield dict(row, tool='uninterrupted')
                else:
                    yield cut_in_half(lab, nodes, source, size, whole, options)
            finally:
                stop(nodes)
        shutil.rmtree(here)


def cut_in_half(lab, nodes, source, size, whole, options):
    a, b = nodes
    victims = dict(receiver=[b], sender=[a], both=nodes)[options.kill]
    with Sampler(lab, 2) as seen:
        start = time.monotonic()
        os.rename(source, a.folder / source.name)
        wait_for(lambda: seen.bytes() >= size / 2, 300, 'not half of it came', step=0.002)
        for node in victims:
            node.kill()
        before, killed = seen.bytes(), time.monotonic()
        if (b.folder / source.name).exists():
            raise RuntimeError('the file was there before half of it had come')
        for node in victims:
            node.start()
        end = wait_for(arrived(b.folder / source.name, size), 300, 'not in sync')
    row = result(size, start, end, seen)
    check(a.folder / source.name, b.folder / source.name)
    return dict(row, before=before, after_restart=end - killed, again=(row['wire'] - whole) / size * 100)


def compress(base, options):
    size = scaled(64, options)
    kinds = dict(random=lambda path: fill_big(path, size // MIB), logs=lambda path: write_logs(path, size),
                 source=lambda path: write_source(path, size, PROJECT / 'node_modules'),
                 prose=lambda path: write_prose(path, size))
    with Lab(2) as lab:
        lab.limit(1, 100e6 / 8)
        for kind, write in kinds.items():
            here = base / kind
            here.mkdir()
            source = here / f'{kind}.bin'
            write(source)
            if kind == 'random':
                seconds = tcp_copy(lab, [(1, 0, size)], 2, source, here)
                yield dict(tool='tcp', kind=kind, seconds=seconds, mib_s=size / MIB / seconds)
            ratio = size / compressed_size(source)
            nodes = pair(lab, here, options)
            try:
                yield dict(drop(lab, nodes, source, size), kind=kind, shrinks=ratio)
            finally:
                stop(nodes)


def lag(base, options):
    for load in options.loads.split(','):
        with Lab(2) as lab:
            here = base / load
            here.mkdir()
            nodes = pair(lab, here, options, loop_delay=True)
            try:
                with IdleLoop(here) as idle:
                    yield run_load(load, nodes, idle, here, options.scale)
            finally:
                stop(nodes)
        shutil.rmtree(here)


FIGURES = dict(peers=peers, rtt=rtt, loss=loss, resume=resume, compress=compress, lag=lag)


def pair(lab, base, options, loop_delay=False):
    """Two nodes that are connected and have synced a first file."""
    key = new_key()
    nodes = [Node(lab, 1, base, key, [], options.node_args, loop_delay), Node(lab, 2, base, key, [1], options.node_args, loop_delay)]
    (nodes[0].folder / 'ready').write_text('')
    try:
        for node in nodes:
            node.start()
        wait_for((nodes[1].folder / 'ready').exists, 60, 'the nodes did not meet')
    except BaseException:
        stop(nodes)
        raise
    time.sleep(1)
    return nodes


def drop(lab, nodes, source, size):
    """Moves the file into the first node's folder and waits for it in the other's."""
    a, b = nodes
    with Sampler(lab, 2) as seen:
        start = time.monotonic()
        os.rename(source, a.folder / source.name)
        end = wait_for(arrived(b.folder / source.name, size), 600, 'not in sync')
    row = result(size, start, end, seen)
    check(a.folder / source.name, b.folder / source.name)
    return row


def result(size, start, end, seen):
    return dict(tool='p2psync', seconds=end - start, mib_s=size / MIB / (end - start), first_byte=seen.first() - start,
                mib_s_moving=size / MIB / max(end - seen.first(), 1e-3), stall=seen.longest_stall(), wire=seen.bytes())


def arrived(path, size):
    return lambda: path.exists() and path.stat().st_size == size


def check(source, target):
    if digest(source) != digest(target):
        raise RuntimeError('what arrived is not what was sent')


def stop(nodes):
    for node in nodes:
        node.stop()


def scaled(mebibytes, options):
    return max(1, round(mebibytes * options.scale)) * MIB


def random_file(path, size):
    fill_big(path, size // MIB)
    return path


def compressed_size(path):
    """By zstd at its default level, in blocks of 128 KiB: near to what can be hoped for, block by block."""
    script = ("const b = fs.readFileSync(process.argv[1]); let n = 0; for (let i = 0; i < b.length; i += 131072)"
              " n += zlib.zstdCompressSync(b.subarray(i, i + 131072)).length; console.log(n)")
    return int(subprocess.check_output(['node', '-e', script, str(path)], env={**os.environ, **node_path()}))


def table(rows):
    """Medians over the runs, one line for each figure, tool and kind."""
    groups = {}
    for row in rows:
        groups.setdefault((row['figure'], row.get('tool', ''), row.get('kind', '')), []).append(row)
    lines = []
    for (figure, tool, kind), group in groups.items():
        good = [row for row in group if 'failed' not in row]
        cells = [f'{key}={statistics.median(row[key] for row in good):.4g}' for key in (good[0] if good else {})
                 if key not in ('figure', 'tool', 'kind', 'run')]
        failed = f' ({len(group) - len(good)} of {len(group)} failed)' if len(good) < len(group) else ''
        lines.append(f'{figure:9} {tool:13} {kind:8} {"  ".join(cells)}{failed}')
    return '\n'.join(lines)


if __name__ == '__main__':
    main()
