// Whether anybody but the proxy is still at work in a pod, as the kernel's tables say.

/** States of the table in which somebody still wants something: ESTABLISHED, SYN_SENT, CLOSE_WAIT, LISTEN. */
const busyStates = new Set(['01', '02', '08', '0A']);

/** `table`: /proc/net/tcp or tcp6, of one network. A socket that its process has left has no owner of its own (0). */
export function hasOthersSockets(table: string, proxyUser: number): boolean {
  return table
    .split('\n')
    .slice(1)
    .some((row) => {
      const [, , , state = '', , , , user, , inode] = row.trim().split(/\s+/);
      return busyStates.has(state) && inode !== '0' && Number(user) !== proxyUser;
    });
}

/** A line `Uid:` of /proc/PID/status with another user's number; the pod's first process holds its namespaces only. */
export function isOthersProcess(pid: number, status: string, proxyUser: number): boolean {
  if (pid === 1) return false;
  const [, user] = /^Uid:\s+(\d+)/m.exec(status) ?? [];
  const [, state] = /^State:\s+(\w)/m.exec(status) ?? [];
  return user !== undefined && state !== 'Z' && Number(user) !== proxyUser;
}
