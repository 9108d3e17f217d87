import '@patternfly/react-core/dist/styles/base.css';
import './app.css';

import { QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { client, total } from './api';
import { App } from './app';
import { follow } from './live';

// What the first page waits for is on its way before it is drawn.
if (location.pathname === '/') for (const list of ['agents', 'assets']) void client.prefetchQuery(total(list));
follow();
createRoot(document.getElementById('root')!).render(
  <QueryClientProvider client={client}>
    <App />
  </QueryClientProvider>,
);
