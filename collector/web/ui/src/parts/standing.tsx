import type { Status } from '../types';

/** Standing is what every page states first: whether anybody confirms what counts as authorized. */
export function Standing({ status }: { status?: Status }) {
  if (!status) return null;
  const surveys = status.surveys ?? [];
  return (
    <>
      {status.authority !== 'enforced' && (
        <p className="standing" id="authority">
          <b>authority: {status.authority || 'none'}</b>
          <span>No official confirms what counts as authorized here. For demos and labs.</span>
        </p>
      )}
      {surveys.length > 0 && (
        <p className="standing survey" id="survey">
          <b>In survey: {surveys.join(', ')}</b>
          <span>Findings there form a worklist and alarm nobody yet. The gate fails meanwhile.</span>
        </p>
      )}
    </>
  );
}
