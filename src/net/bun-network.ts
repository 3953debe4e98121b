// The Network seam over Bun.listen and Bun.connect. Bun calls one set of module-level functions for all sockets; each
// socket's state hangs on its `data`, so a connection costs no closures.
// Measured, echoing 300-byte messages of 64 connections, CPU microseconds a message: a bare Bun.listen 0.9 user and 5.8
// to 8.5 system, through this seam 1.8 to 2.0 and 6.5 to 7.3. Of the difference 0.25 is this code (0.17 for text), the
// rest Bun's latin1 strings. On Linux connections are dialled by a descriptor of our own (native/connect.ts); elsewhere
// by Bun.connect, which cannot be abandoned: there one that is reset while opening holds its descriptor until the
// kernel gives up.

import { isIP } from 'node:net';
import { type Acceptor, type InheritedDescriptors, inheritedFrom, listenAtAll } from './bun-listener.ts';
import { BunSocket, type RawSocket } from './bun-socket.ts';
import { type Libc, libc, openConnecting } from './native/index.ts';
import type { Address, ConnectOptions, Network, Socket, SocketHandler } from './network.ts';
import { withPreface } from './preface.ts';
import { createConnectError, systemCodeOf } from './system-errors.ts';
import { createBunTlsContext, Handshake } from './tls/index.ts';
import { beginTurn, endTurn } from './turn.ts';

/**
 * `system` is the C library; null (a test, or a system without) leaves connecting to Bun. `inherited` are listening
 * descriptors of a predecessor by formatted address: whoever listens there does so on a copy of it. `handsOver`: a
 * successor may take what listens.
 */
export function createBunNetwork(
  system = libc(),
  inherited: InheritedDescriptors = new Map(),
  handsOver = true,
): Network {
  const by = { system, handlers: acceptedHandler, handsOver };
  return {
    listen: (options) => listenAtAll(options, inheritedFrom(system, inherited, options.address), by),
    connect(address, handler, options = {}) {
      const { preface = null } = options;
      const [to, plain] = preface === null ? [handler, options] : withPreface(handler, options, preface);
      return system === null ? connectByBun(address, to, plain) : connect(system, address, to, plain);
    },
    createTlsContext: createBunTlsContext,
  };
}

/** Whose listeners are this process's own affair: no successor takes them. */
export function createPrivateNetwork(): Network {
  return createBunNetwork(libc(), new Map(), false);
}

const nowhere: Address = { kind: 'ip', host: '0.0.0.0', port: 0 };

function connect(
  system: Libc,
  address: Address,
  handler: SocketHandler,
  options: ConnectOptions = {},
): Socket {
  // A name, as of a control plane that is a Service: Bun looks it up.
  if (address.kind === 'ip' && isIP(address.host) === 0) return connectByBun(address, handler, options);
  const socket = new BunSocket('upstream', address, nowhere, handler, startTls);
  const fd = openConnecting(system, address, options);
  if (typeof fd !== 'number') {
    socket.failed(createConnectError(address, fd));
    return socket;
  }
  try {
    // The field is missing from Bun's types.
    const dialled = { fd, ...dial(socket, options, dialledHandler) };
    void Bun.connect<unknown>(dialled as unknown as Bun.TCPSocketConnectOptions<unknown>);
  } catch (cause) {
    system.close(fd);
    socket.failed(createConnectError(address, cause));
  }
  return socket;
}

/** What both ways to connect tell Bun. */
function dial(socket: BunSocket, { tls = null }: ConnectOptions, plain: Bun.SocketHandler<unknown>) {
  const common = { data: socket as unknown, allowHalfOpen: true };
  if (tls === null) return { ...common, socket: plain };
  const handshake = new Handshake({ side: 'client', client: tls });
  socket.expectHandshake(handshake);
  return { ...common, socket: securedHandler, tls: handshake.options };
}

/** The socket inside `Bun.connect`, which reports some failures (a missing unix socket) before it returns. */
let connecting: BunSocket | null = null;

function connectByBun(address: Address, handler: SocketHandler, options: ConnectOptions = {}): Socket {
  const socket = new BunSocket('upstream', address, nowhere, handler, startTls);
  const { source = null, keepAlive = null, userTimeoutMs = null, mark = null } = options;
  const asked = source !== null || keepAlive !== null || userTimeoutMs !== null || mark !== null;
  if (asked || (options.options ?? []).length > 0) {
    // What cannot be done here is not left out silently: a source address may be what a firewall goes by.
    socket.failed(createConnectError(address, new Error('socket options are supported on Linux only')));
    return socket;
  }
  connecting = socket;
  try {
    const common = dial(socket, options, connectedHandler);
    // A rejection has been reported to connectError, and Bun counts it as handled.
    if (address.kind === 'unix') void Bun.connect<unknown>({ ...common, unix: address.path });
    else void Bun.connect<unknown>({ ...common, hostname: address.host, port: address.port });
  } catch (cause) {
    socket.failed(createConnectError(address, cause));
  } finally {
    connecting = null;
  }
  return socket;
}

/** `received` is null for a client. */
function startTls(
  raw: RawSocket,
  socket: BunSocket,
  handshake: Handshake,
  received: Uint8Array | null,
): void {
  const options = {
    socket: securedHandler,
    data: socket,
    tls: handshake.options,
    ...(received === null ? {} : { isServer: true, initialData: received }),
  };
  const [plain] = raw.upgradeTLS(options as Bun.TLSUpgradeOptions<unknown>);
  // The plain socket stays behind and is shown every encrypted read, which concerns nobody.
  plain.data = nobody;
}

function onAccepted(raw: RawSocket): void {
  const acceptor = raw.data as Acceptor;
  const remote = createAddress(raw.remoteAddress, raw.remotePort) ?? acceptor.address;
  const socket = new BunSocket('downstream', remote, nowhere, null, startTls);
  raw.data = socket;
  beginTurn();
  try {
    socket.attach(raw, createAddress(raw.localAddress, raw.localPort) ?? acceptor.address);
    socket.setHandler(acceptor.accept(socket));
    socket.opened();
  } finally {
    endTurn();
  }
}

function onConnected(raw: RawSocket): void {
  const socket = raw.data as BunSocket;
  if (connecting === socket) {
    queueMicrotask(() => onConnected(raw));
    return;
  }
  beginTurn();
  try {
    if (socket.attach(raw, createAddress(raw.localAddress, raw.localPort) ?? socket.remote)) socket.opened();
  } finally {
    endTurn();
  }
}

function onConnectFailed(raw: RawSocket, cause: Error): void {
  const socket = raw.data as BunSocket;
  const error = createConnectError(socket.remote, cause);
  // Inside Bun.connect no turn ends: the caller has no socket yet.
  if (connecting === socket) {
    socket.failed(error);
    return;
  }
  beginTurn();
  socket.failed(error);
  endTurn();
}

/** Inside of Bun.connect: the descriptor is Bun's now, and its connect is still under way. */
function onDialled(raw: RawSocket): void {
  (raw.data as BunSocket).dialled(raw);
}

/** Writable for the first time, or read from: it is connected. */
function establish(raw: RawSocket): void {
  const socket = raw.data as BunSocket;
  if (socket.attach(raw, createAddress(raw.localAddress, raw.localPort) ?? socket.remote)) socket.opened();
}

function onData(raw: RawSocket, bytes: Buffer): void {
  beginTurn();
  try {
    if ((raw.data as BunSocket).isOpening) establish(raw);
    (raw.data as BunSocket).received(bytes);
  } finally {
    endTurn();
  }
}

function onDrain(raw: RawSocket): void {
  if (!(raw.data instanceof BunSocket)) return;
  beginTurn();
  try {
    if (raw.data.isOpening) establish(raw);
    else raw.data.drained();
  } finally {
    endTurn();
  }
}

function onEnd(raw: RawSocket): void {
  beginTurn();
  try {
    if ((raw.data as BunSocket).isOpening) establish(raw);
    (raw.data as BunSocket).peerEnded();
  } finally {
    endTurn();
  }
}

function onClose(raw: RawSocket, cause?: Error): void {
  if (raw.data instanceof BunSocket) raw.data.closed(cause);
}

/**
 * System errors come with onClose too. Anything else is an exception of a handler: the connection ends, and the bug is
 * not hidden.
 */
function onError(raw: RawSocket, cause: Error): void {
  if (systemCodeOf(cause) !== '') return;
  if (raw.data instanceof BunSocket) raw.data.reset();
  queueMicrotask(() => {
    throw cause;
  });
}

function onSecuring(raw: RawSocket): void {
  (raw.data as BunSocket).securing(raw);
}

function onHandshake(raw: RawSocket, ok: boolean, error: Error | null): void {
  beginTurn();
  try {
    (raw.data as BunSocket).handshaken(raw, ok, error, createAddress(raw.localAddress, raw.localPort));
  } finally {
    endTurn();
  }
}

function onSession(raw: RawSocket, session: Uint8Array): void {
  (raw.data as BunSocket).sessionCame(session);
}

function onSecuredData(raw: RawSocket, bytes: Buffer): void {
  beginTurn();
  try {
    (raw.data as BunSocket).received(bytes);
  } finally {
    endTurn();
  }
}

function onSecuredDrain(raw: RawSocket): void {
  beginTurn();
  try {
    (raw.data as BunSocket).drained();
  } finally {
    endTurn();
  }
}

function onSecuredEnd(raw: RawSocket): void {
  beginTurn();
  try {
    (raw.data as BunSocket).peerEnded();
  } finally {
    endTurn();
  }
}

function onSecuredError(raw: RawSocket, cause: Error): void {
  if (isEngineError(cause)) (raw.data as BunSocket).alerted(cause);
  else onError(raw, cause);
}

function isEngineError(cause: Error): boolean {
  return systemCodeOf(cause) === 'EPROTO' || cause.message.includes('SSL routines');
}

/** Stands where a socket's owner stood, behind a connection that TLS has taken over. */
class Nobody {
  readonly isOpening = false;
  received(): void {}
  peerEnded(): void {}
}
const nobody = new Nobody();

const shared = { data: onData, drain: onDrain, end: onEnd, close: onClose, error: onError };
const acceptedHandler: Bun.SocketHandler<unknown> = { ...shared, open: onAccepted };
const connectedHandler: Bun.SocketHandler<unknown> = {
  ...shared,
  open: onConnected,
  connectError: onConnectFailed,
};

// `session` is missing from Bun's types.
const securedEvents = {
  open: onSecuring,
  handshake: onHandshake,
  session: onSession,
  data: onSecuredData,
  drain: onSecuredDrain,
  end: onSecuredEnd,
  close: onClose,
  error: onSecuredError,
  connectError: onConnectFailed,
};
const securedHandler: Bun.SocketHandler<unknown> = securedEvents;
const dialledHandler: Bun.SocketHandler<unknown> = { ...shared, open: onDialled };

const mappedPrefix = '::ffff:';

/** Null for unix sockets. An IPv4 peer of a dual-stack listener is shown as what it is. */
function createAddress(host: string | undefined, port: number | undefined): Address | null {
  if (host === undefined || port === undefined || port <= 0) return null;
  const mapped = host.startsWith(mappedPrefix) && host.includes('.');
  return { kind: 'ip', host: mapped ? host.slice(mappedPrefix.length) : host, port };
}
