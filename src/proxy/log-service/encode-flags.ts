// envoy.data.accesslog.v3.ResponseFlags, of the short names that lines of text have.

import { WireWriter } from '../../xds/index.ts';

const numbers: Readonly<Record<string, number>> = {
  LH: 1,
  UH: 2,
  UT: 3,
  LR: 4,
  UR: 5,
  UF: 6,
  UC: 7,
  UO: 8,
  NR: 9,
  DI: 10,
  FI: 11,
  RL: 12,
  RLSE: 14,
  DC: 15,
  URX: 16,
  SI: 17,
  IH: 18,
  DPE: 19,
  UMSDR: 20,
  RFCF: 21,
  NFCF: 22,
  DT: 23,
  UPE: 24,
  NC: 25,
  OM: 26,
  DF: 27,
  DR: 28,
};

/** unauthorized_details, of which an external service is the one reason that has a number. */
const unauthorized = 13;
const externalService = 1;

/** Null: there is none that the message has a field for. */
export function encodeFlags(flags: string): Uint8Array | null {
  if (flags === '') return null;
  const writer = new WireWriter(16);
  for (const flag of flags.split(',')) {
    const number = numbers[flag];
    if (number !== undefined) writer.bool(number, true);
    else if (flag === 'UAEX') {
      const details = new WireWriter(4);
      details.uint(1, externalService);
      writer.bytes(unauthorized, details.finish());
    }
  }
  return writer.size === 0 ? null : writer.finish();
}
