// The switches of a demo: hurt a replica, heal it, split traffic, turn the mesh's policies off and watch the failures
// come.

import type { DemoView } from '../view.ts';
import { money } from './format.ts';

interface Props {
  readonly demo: DemoView;
  readonly command: (words: readonly string[]) => void;
}

const actions = ['kill', 'pause', 'slow', 'break', 'heal'] as const;

export function Demo({ demo, command }: Props) {
  const other = demo.policy === 'on' ? 'off' : 'on';
  return (
    <section class="demo">
      <h2>Demo</h2>
      <p class="switches">
        <button type="button" class={demo.policy} onClick={() => command(['policy', other])}>
          turn the mesh's policies {other}
        </button>
        <button type="button" onClick={() => command(['split'])}>
          split traffic
        </button>
        {demo.money === null ? null : (
          <span class={demo.money.found === demo.money.expected ? 'good' : 'bad'}>
            balances {money(demo.money.found)} of {money(demo.money.expected)}
          </span>
        )}
      </p>
      <table aria-label="Replicas">
        <tbody>
          {demo.replicas.map((replica) => (
            <tr key={replica.name}>
              <td>{replica.name}</td>
              <td class={replica.state === 'ready' ? '' : 'warn'}>{replica.state}</td>
              <td class="buttons">
                {actions.map((action) => (
                  <button key={action} type="button" onClick={() => command([action, replica.name])}>
                    {action}
                  </button>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
