import { readFile, writeFile } from 'node:fs/promises'

/** What is used of `assemblyscript/asc`: its own types would change those of Array in the whole project. */
interface Compiler {
  main(
    argv: readonly string[],
    io: {
      readFile: (name: string) => string | null
      writeFile: (name: string, contents: Uint8Array | string) => void
      listFiles: () => readonly string[]
      stderr: { write: (chunk: unknown) => void }
    },
  ): Promise<{ readonly error: Error | null }>
}

const compiler = 'assemblyscript/asc'

const source = new URL('../src/blocks/fast-cdc.as.ts', import.meta.url)
const target = new URL('../src/blocks/fast-cdc-wasm.ts', import.meta.url)

/** Compiles the inner loop of the chunker. @throws when it does not compile. */
export async function compileFastCdc(): Promise<Uint8Array> {
  const text = await readFile(source, 'utf8')
  let wasm: Uint8Array | null = null
  let complaints = ''
  const asc = (await import(compiler)) as Compiler
  const { error } = await asc.main(
    [
      'fast-cdc.ts',
      '-o',
      'fast-cdc.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--noExportMemory',
    ],
    {
      readFile: (name) => (name === 'fast-cdc.ts' ? text : null),
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') wasm = contents
      },
      listFiles: () => [],
      stderr: { write: (chunk) => void (complaints += String(chunk)) },
    },
  )
  if (error !== null) throw new Error(`fast-cdc.as.ts does not compile: ${complaints}`, { cause: error })
  if (wasm === null) throw new Error('the compiler wrote nothing')
  return wasm
}

/** The generated source file that holds `wasm`. */
export function fastCdcModule(wasm: Uint8Array): string {
  return [
    '// Generated from fast-cdc.as.ts by `node scripts/build-wasm.ts` (AssemblyScript, -O3). Do not edit: a test compiles',
    '// it anew and compares.',
    `export const fastCdcWasm = '${Buffer.from(wasm).toString('base64')}'`,
    '',
  ].join('\n')
}

if (import.meta.main) {
  const wasm = await compileFastCdc()
  await writeFile(target, fastCdcModule(wasm))
  console.log(`src/blocks/fast-cdc-wasm.ts: ${wasm.length} bytes of wasm`)
}
