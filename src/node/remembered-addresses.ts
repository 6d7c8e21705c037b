import type { KnownAddresses } from './known-addresses.ts'
import type { SettingsFile } from './settings-file.ts'

/** Keeps the addresses of known devices among the node's settings. When each was last seen is told by their order. */
export function rememberedAddresses(settings: SettingsFile): KnownAddresses {
  return {
    load: () => Promise.resolve(settings.current.peers.map((peer, i, all) => ({ ...peer, seenMs: all.length - i }))),
    save: (devices) =>
      settings.update((old) => ({ ...old, peers: devices.map(({ device, addresses }) => ({ device, addresses })) })),
  }
}
