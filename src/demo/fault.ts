// What a person can mend: said in one line, without a stack. Anything else that a demo throws is a bug.

export class DemoFault extends Error {
  /** `usage`: it was called wrongly; `run`: it did not work out. */
  readonly kind: 'usage' | 'run';

  constructor(kind: 'usage' | 'run', message: string) {
    super(message);
    this.name = 'DemoFault';
    this.kind = kind;
  }
}
