import { expect, test } from 'bun:test';
import { isSpecialIp } from './special-ip.ts';

test.each([
  '0.0.0.0',
  '127.0.0.1',
  '127.255.1.2',
  '169.254.169.254',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:169.254.169.254',
  'localhost',
])('%s stands for no place elsewhere', (text) => expect(isSpecialIp(text)).toBe(true));

test.each(['10.0.0.1', '192.168.1.1', '100.64.0.1', '8.8.8.8', 'fd00::1', '2001:db8::1', '::ffff:10.0.0.1'])(
  '%s does',
  (text) => expect(isSpecialIp(text)).toBe(false),
);
