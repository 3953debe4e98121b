// `npm run build`: dist/weft, for this machine.

import { buildWeft } from './build-weft.ts';

process.exit(await buildWeft('dist/weft'));
