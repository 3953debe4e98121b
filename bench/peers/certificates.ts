// One authority and one server certificate for a run, valid for the loopback address and the mesh's name.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../../src/testing/certificates.ts';
import type { CertificateFiles } from './work.ts';

export function writeCertificates(folder: string): CertificateFiles {
  const authority = createAuthority();
  const leaf = authority.issue({ dns: ['ledger'], ip: [Uint8Array.of(127, 0, 0, 1)] });
  const files = {
    authority: join(folder, 'authority.pem'),
    chain: join(folder, 'chain.pem'),
    key: join(folder, 'key.pem'),
    bundle: join(folder, 'bundle.pem'),
  };
  writeFileSync(files.authority, authority.pem);
  writeFileSync(files.chain, leaf.chainPem);
  writeFileSync(files.key, leaf.keyPem, { mode: 0o600 });
  writeFileSync(files.bundle, leaf.chainPem + leaf.keyPem, { mode: 0o600 });
  return files;
}
