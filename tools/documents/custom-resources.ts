// The CustomResourceDefinitions, as a file to apply. In YAML 1.1, which kubectl reads: there a plain `on` is true.

import { stringify } from 'yaml';
import { customResourceDefinitions } from '../../src/control/index.ts';

export async function generateCustomResources(): Promise<string> {
  const head =
    '# Made from src/control/schema by `npm run documents`: the kinds of weft.dev, for an API server.\n';
  return (
    head +
    customResourceDefinitions()
      .map((one) => `---\n${stringify(one, { lineWidth: 120, version: '1.1' })}`)
      .join('')
  );
}
