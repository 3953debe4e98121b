// The filter of the user's own that the bench measures (docs/filters.md): it looks at a field and sets one.

import type { FilterHandler } from '../../src/proxy/filters/user/api.ts';

export const name = 'bench';

export function create(): FilterHandler {
  return {
    onRequest(request) {
      request.headers.set('x-bench', request.headers.get('user-agent') ?? 'nobody');
      return undefined;
    },
    onResponse(response) {
      response.headers.set('x-bench', 'yes');
      return undefined;
    },
  };
}
