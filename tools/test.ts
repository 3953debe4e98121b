// `npm test [-- PATH...]`: every test. Those against real peers skip with a reason where the peer is missing, and fail
// there when CI is set.

import { finish, runTests } from './steps.ts';

finish(await runTests(process.argv.slice(2)));
