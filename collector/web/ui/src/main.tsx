import '@patternfly/react-core/dist/styles/base.css';
import './app.css';

import { QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { client } from './api';
import { App } from './app';
import { follow } from './live';

follow();
createRoot(document.getElementById('root')!).render(
  <QueryClientProvider client={client}>
    <App />
  </QueryClientProvider>,
);
