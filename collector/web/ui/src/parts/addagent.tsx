import { post, useSites, useStatus } from '../api';
import { when } from '../text';
import { CopyLine } from './copyline';
import { Dialog } from './dialog';

/** AddAgent makes a token and shows the line to copy. */
export function AddAgent({ close }: { close: () => void }) {
  const sites = useSites().data ?? [];
  const key = useStatus().data?.fingerprint ?? 'KEY';
  return (
    <Dialog
      draft="agent" title="Add an agent" verb="Make the line" close={close}
      lead="It makes a token that enrols one agent, once, within an hour. On the machine at the SPAN port, install demarc-agent, then run the line."
      fields={[
        sites.length ? { key: 'site', name: 'Site', kind: 'choice', choices: sites.map((s) => [s.name, s.title || s.name]) } : { key: 'site', name: 'Site', needed: true, hint: 'The plant that it stands at, in lower-case letters: houston' },
        { key: 'agent', name: 'Its name', hint: 'Empty lets its host name stand' },
      ]}
      act={async (v) => {
        const t = await post<{ command?: string; expires?: string }>('enrolment-tokens', { site: v.site, agent: v.agent, valid_seconds: 3600 });
        return (
          <div className="line">
            <p>Run this where the agent is. The token is shown this once and ends {when(t.expires)}.</p>
            <CopyLine name="Line to run">{t.command ?? ''}</CopyLine>
            <p>Then let it listen. It shows here, with its SPAN check, within a minute:</p>
            <CopyLine name="Second line to run">demarc-agent run --config agent.yaml</CopyLine>
            <details>
              <summary>No way from there to here: a data diode, an air gap</summary>
              <div className="line">
                <p>It is enrolled by files, without the token. There:</p>
                <CopyLine name="Request, there">demarc-agent enroll --config agent.yaml --request agent.csr</CopyLine>
                <p>Here, on the collector&apos;s machine:</p>
                <CopyLine name="Answer, here">{`demarc-collector agent admit agent.csr --site ${v.site}${v.agent && ` --agent ${v.agent}`} --answer agent.crt`}</CopyLine>
                <p>And there again:</p>
                <CopyLine name="Answer, there">{`demarc-agent enroll --config agent.yaml --answer agent.crt --pin ${key}`}</CopyLine>
                <p>With <code>collector: none</code> it spools. <code>demarc-agent export FOLDER</code> writes what is new, and <code>demarc-collector import bundle FILE</code> takes it; it shows as “by bundle”, as it was when it wrote the last.</p>
              </div>
            </details>
          </div>
        );
      }}
    />
  );
}
