// Listening sockets handed from a process to its successor: both hold the same descriptors for a while, so no
// connection is lost between the two. The successor asks over an abstract unix socket whose name both are told; only
// the same user is answered.
//
// In order: `take` (the descriptors come), the successor starts and gets ready, `ready` (the predecessor accepts
// nothing more).

import { type Log, MeshError } from '../base/index.ts';
import { type InheritedDescriptors, listOpenListeners, type OpenListener } from './bun-listener.ts';
import {
  descriptorsMax,
  encodeSocketAddress,
  type Libc,
  libc,
  readPeerUser,
  receiveDescriptors,
  sendDescriptors,
  setReceiveTimeout,
} from './native/index.ts';
import { type Address, formatAddress } from './network.ts';

export interface HandOverOptions {
  /** Of this process's abstract socket. */
  readonly name: string;
  readonly log: Log;
  /** Of other threads of this process. */
  readonly otherListeners: () => readonly OpenListener[];
  /** The successor serves: stop accepting, and finish what runs, for so long at most where it says so. Called once. */
  readonly onSuccessor: (endsWithinMs: number | null) => void;
}

const take = 'take\n';
/** With the seconds after which the predecessor shall be gone, where the successor says so. */
const ready = /^ready(?: (\d{1,9}))?\n$/;
const messageBytesMax = 32;
/** A busy machine may keep the predecessor from answering for seconds; to give up is to not start. */
const answerMs = 30_000;

interface Caller {
  text: string;
}

/** Offers this process's listeners. Null where descriptors cannot be passed; throws when the name is taken. */
export function offerListeners(options: HandOverOptions): { close(): void } | null {
  const system = libc();
  if (system === null) return null;
  let told = false;
  const listener = Bun.listen<Caller>({
    unix: `\0${options.name}`,
    socket: {
      open(socket) {
        socket.data = { text: '' };
        // The name is open to everybody on this machine.
        const user = readPeerUser(socket as unknown as { fd: number });
        if (user === process.getuid?.()) return;
        options.log.write('warn', 'hand-over refused to another user', { user });
        socket.terminate();
      },
      data(socket, bytes) {
        socket.data.text = (socket.data.text + bytes.toString('latin1')).slice(0, messageBytesMax);
        const isReady = ready.exec(socket.data.text);
        if (socket.data.text === take)
          give(system, socket as unknown as { fd: number; end(): void }, options);
        else if (isReady !== null) {
          socket.end('ok\n');
          if (!told) options.onSuccessor(isReady[1] === undefined ? null : Number(isReady[1]) * 1000);
          told = true;
        } else return;
        socket.data.text = '';
      },
      error() {},
    },
  });
  return { close: () => listener.stop(true) };
}

function give(
  system: Libc,
  socket: { fd: number; end(): void },
  { log, otherListeners }: HandOverOptions,
): void {
  const open = [...listOpenListeners(), ...otherListeners()].slice(0, descriptorsMax);
  const bytes = Buffer.from(`${JSON.stringify(open.map(({ address }) => address))}\n`);
  try {
    sendDescriptors(
      system,
      socket.fd,
      bytes,
      open.map(({ descriptor }) => descriptor),
    );
    log.write('info', 'listeners handed over', { listeners: open.length });
  } catch (error) {
    log.write('error', 'listeners not handed over', { error: String(error) });
  }
  socket.end();
}

/**
 * Asks the predecessor of that name; waits for its answer, so it is for the start of a process alone. A failure says
 * why.
 */
export function takeListeners(name: string): InheritedDescriptors | MeshError {
  const system = libc();
  if (system === null) return failure(name, 'this system passes no descriptors');
  const address: Address = { kind: 'unix', path: `\0${name}` };
  const target = encodeSocketAddress(address);
  if (target === null) return failure(name, 'the name is too long');
  const socket = system.socket(target.family, 1 | 0x80000, 0);
  if (socket < 0) return failure(name, 'no socket');
  try {
    if (system.connect(socket, target.bytes, target.bytes.length) !== 0)
      return failure(name, 'nobody offers it');
    setReceiveTimeout(system, socket, answerMs);
    system.write(socket, Buffer.from(take), take.length);
    return read(system, socket);
  } catch (error) {
    return failure(name, String(error));
  } finally {
    system.close(socket);
  }
}

function read(system: Libc, socket: number): InheritedDescriptors {
  const descriptors: number[] = [];
  let text = '';
  while (!text.endsWith('\n')) {
    const received = receiveDescriptors(system, socket);
    if (received.bytes.length === 0) throw new Error('closed before its answer was whole');
    descriptors.push(...received.descriptors);
    text += Buffer.from(received.bytes).toString('utf8');
  }
  const addresses = JSON.parse(text) as Address[];
  const taken = new Map<string, number[]>();
  for (const [at, descriptor] of descriptors.entries()) {
    const address = addresses[at];
    if (address === undefined) system.close(descriptor);
    else taken.set(formatAddress(address), [...(taken.get(formatAddress(address)) ?? []), descriptor]);
  }
  return taken;
}

/**
 * Tells the predecessor that this process serves, and after how many seconds it shall be gone. Resolves when it has
 * heard.
 */
export async function announceReady(name: string, endsWithinSeconds: number | null): Promise<void> {
  const message = endsWithinSeconds === null ? 'ready\n' : `ready ${Math.ceil(endsWithinSeconds)}\n`;
  const done = Promise.withResolvers<void>();
  await Bun.connect({
    unix: `\0${name}`,
    socket: {
      open: (socket) => void socket.write(message),
      data: () => done.resolve(),
      close: () => done.resolve(),
      error: () => done.resolve(),
      connectError: () => done.resolve(),
    },
  }).catch(() => done.resolve());
  await done.promise;
}

/** What the new configuration has no use for. */
export function closeInherited(inherited: InheritedDescriptors): void {
  for (const descriptor of [...inherited.values()].flat()) libc()?.close(descriptor);
  inherited.clear();
}

function failure(name: string, why: string): MeshError {
  return new MeshError('connect-failed', 'internal', 'no', `hand-over ${name}: ${why}`);
}
