// The checks of one endpoint, as a thread sees them that does not make them: another one does, and tells what it found.

import type { CheckBoard, HealthJudge } from '../../policy/index.ts';
import type { CheckTarget } from './health-probe.ts';

export class FollowedCheck {
  readonly judge: HealthJudge;
  readonly target: CheckTarget;
  readonly address: CheckTarget['checkAddress'];
  readonly board: CheckBoard;

  constructor(target: CheckTarget, judge: HealthJudge, board: CheckBoard) {
    this.target = target;
    this.address = target.checkAddress;
    this.judge = judge;
    this.board = board;
    board.read(judge);
  }

  /** False: nothing is new. */
  look(): boolean {
    return this.board.read(this.judge);
  }

  stop(): void {
    this.board.release();
  }
}
