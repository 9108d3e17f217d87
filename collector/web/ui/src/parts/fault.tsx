import { Button } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';

/** Boundaryless shows what went wrong in a page, and leaves the rest standing. */
export class Boundaryless extends Component<{ children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) { return { error }; }
  render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="sheet" role="alert">
        <h1>This page could not be drawn</h1>
        <p>{this.state.error.message}</p>
        <Button variant="secondary" onClick={() => location.reload()}>Load it again</Button>
      </div>
    );
  }
}
