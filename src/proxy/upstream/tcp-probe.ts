// A check over TCP: a connection that opens is enough, or what is sent over it must bring what is expected.

import { MeshError } from '../../base/index.ts';
import type { Socket, SocketHandler } from '../../net/index.ts';
import { holdsBlocks } from '../../policy/index.ts';
import type { TcpProbeConfig } from '../config/health-types.ts';
import { proxyLimits } from '../limits.ts';
import type { Probe, ProbeOwner } from './health-probe.ts';

export class TcpProbe implements Probe, SocketHandler {
  private readonly owner: ProbeOwner;
  private readonly config: TcpProbeConfig;
  private socket: Socket | null = null;
  private open = false;
  private checking = false;
  private received = '';

  constructor(owner: ProbeOwner, config: TcpProbeConfig) {
    this.owner = owner;
    this.config = config;
  }

  begin(): void {
    this.checking = true;
    this.received = '';
    if (this.socket !== null && this.open) {
      this.send(this.socket);
      return;
    }
    const options = this.owner.connectOptions();
    if (options instanceof MeshError) {
      this.checking = false;
      this.owner.onProbe('network', 0);
      return;
    }
    this.open = false;
    this.socket = this.owner.context.network.connect(this.owner.target.checkAddress, this, options);
  }

  giveUp(): void {
    this.checking = false;
    this.drop();
  }

  close(): void {
    this.giveUp();
  }

  onOpen(socket: Socket): void {
    if (socket !== this.socket) return;
    this.open = true;
    if (this.checking) this.send(socket);
  }

  onData(socket: Socket, bytes: Uint8Array): void {
    if (socket !== this.socket || !this.checking) return;
    const left = proxyLimits.probeBytesMax - this.received.length;
    this.received += Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, left)).toString(
      'latin1',
    );
    if (holdsBlocks(this.received, this.config.receive)) this.finish();
  }

  onDrain(): void {}

  onEnd(): void {
    this.onClose(this.socket);
  }

  onClose(socket: Socket | null): void {
    if (socket !== this.socket) return;
    const { checking } = this;
    this.checking = false;
    this.drop();
    // Between two checks a server may well close what lay idle.
    if (checking) this.owner.onProbe('network', 0);
  }

  private send(socket: Socket): void {
    const { send, receive } = this.config;
    if (send.length > 0) socket.write(send, 0, send.length);
    if (receive.length === 0) this.finish();
  }

  private finish(): void {
    this.checking = false;
    // A connection that nothing is expected over has said all it can by opening.
    if (!this.owner.config.reuseConnection || this.config.receive.length === 0) this.drop(false);
    this.owner.onProbe('passed', 0);
  }

  private drop(abruptly = true): void {
    const { socket } = this;
    this.socket = null;
    this.open = false;
    if (abruptly) socket?.reset();
    else socket?.end();
  }
}
