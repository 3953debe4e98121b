// Where the pods of the demo live: all on this machine's loopback address, or each in a network namespace of its own,
// where its sidecar captures what it sends and what it is sent.

/** Whose process: what a proxy sends is not captured again. */
export type ProcessRole = 'application' | 'proxy';

/** One pod's place in the network. */
export interface PodPlace {
  /** Where others reach it. */
  readonly address: string;
  /** Where the application listens. */
  readonly host: string;
  /** Connections to and from the application pass through the sidecar without anybody naming it. */
  readonly captured: boolean;
  readonly applicationPort: number;
  /** `HOST:PORT` that the sidecar binds, by listener. */
  readonly listen: Readonly<Record<'outbound' | 'inbound', string>>;
  /** Where other pods and the probe reach the application: by way of the sidecar where there is one. */
  readonly port: number;
  readonly admin: { readonly host: string; readonly port: number };
  /** Makes the place; before its first process. Rejects with a DemoFault where the machine does not allow it. */
  open(): Promise<void>;
  /** The command line that runs `command` there. */
  command(command: readonly string[], role: ProcessRole): readonly string[];
  /** After its last process. */
  close(): Promise<void>;
}

export interface PodNetwork {
  /** Where the programs beside the pods (control plane, agents) listen, for each other and for the pods. */
  readonly host: string;
  /** Addresses of the Services, where applications call each other by name and not by way of a mesh address. */
  readonly serviceAddresses: ReadonlyMap<string, string> | null;
  open(): Promise<void>;
  /** `withSidecar`: a pod without one is reached, and calls, as it is. */
  place(pod: string, withSidecar: boolean): PodPlace;
  close(): Promise<void>;
}
