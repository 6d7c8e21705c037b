/** The content of `.p2psync/folder.json`: it says that this folder is the one which the state directory knows. */
export interface FolderMarker {
  readonly folder: string
  /** 32 hex digits, drawn when the folder was first started here. */
  readonly nonce: string
}
