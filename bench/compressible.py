"""Data that shrinks to about a third, as much of what people keep does: logs, source code, and prose."""
import itertools
import os
import random
from pathlib import Path

BLOCK = 1 << 20


def write_logs(path, size):
    """Lines of a web server: stamps and paths repeat, addresses, numbers and ids do not."""
    r = random.Random(3)
    pages = [f'/{a}/{b}' for a in ('api', 'static', 'user', 'cart', 'search') for b in words(r, 400)]
    agents = [f'Mozilla/5.0 ({" ".join(words(r, 6))}) rv:{r.randrange(130)}' for _ in range(60)]
    clock = 0

    def line():
        nonlocal clock
        clock += r.randrange(40)
        stamp = f'2026-11-{1 + clock // 86_400_000 % 28:02d}T{clock // 3_600_000 % 24:02d}:{clock // 60_000 % 60:02d}:{clock / 1000 % 60:06.3f}'
        address = '.'.join(str(r.randrange(256)) for _ in range(4))
        return (f'{stamp} {address} "GET {r.choice(pages)} HTTP/1.1" {r.choice((200, 200, 200, 304, 404))} {r.randrange(99999)} '
                f'id={r.getrandbits(160):040x} "{r.choice(agents)}" {r.randrange(9999)}us\n').encode()

    fill(path, size, line)


def write_prose(path, size):
    """Sentences of 20,000 words, each as often as words of a language are (Zipf)."""
    r = random.Random(4)
    vocabulary = words(r, 20_000)
    weights = list(itertools.accumulate(1 / (i + 2) ** 1.15 for i in range(len(vocabulary))))

    def sentence():
        text = ' '.join(r.choices(vocabulary, cum_weights=weights, k=r.randrange(6, 24)))
        return f'{text.capitalize()}.{r.choice((" ", " ", " ", chr(10)))}'.encode()

    fill(path, size, sentence)


def write_source(path, size, root):
    """The source files under `root`, one behind the other, as in an archive; from the start again when they are used up."""
    names = sorted(os.path.join(folder, name) for folder, _, files in os.walk(root) for name in files
                   if name.endswith(('.js', '.ts', '.py', '.c')) and not name.endswith('.d.ts'))
    if not names:
        raise SystemExit(f'no source files under {root}')
    with open(path, 'wb') as file:
        turn = 0
        while file.tell() < size:
            turn += 1
            for name in names:
                # a second turn must not be found as blocks that are there already
                body = Path(name).read_bytes() if turn == 1 else shuffled(Path(name).read_bytes(), turn)
                file.write(body[:size - file.tell()])
                if file.tell() >= size:
                    return


def shuffled(body, turn):
    lines = body.splitlines(keepends=True)
    random.Random(turn).shuffle(lines)
    return b''.join(lines)


def words(r, count):
    syllables = [a + b for a in 'bcdfghjklmnprstvwz' for b in ('a', 'e', 'i', 'o', 'u', 'an', 'er', 'is', 'on')]
    return [''.join(r.choices(syllables, k=r.choice((1, 2, 2, 3, 3, 4)))) for _ in range(count)]


def fill(path, size, piece):
    """Makes 8 MiB of pieces, then goes on with copies whose pieces are in another order: quick, and no block comes twice."""
    pieces, count = [], 0
    while count < min(size, 8 * BLOCK):
        pieces.append(piece())
        count += len(pieces[-1])
    r = random.Random(5)
    with open(path, 'wb') as file:
        while file.tell() < size:
            file.write(b''.join(pieces)[:size - file.tell()])
            r.shuffle(pieces)
