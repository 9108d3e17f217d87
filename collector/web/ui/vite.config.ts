import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { shrink } from './shrink.ts';

// Everything is a file of its own: the pages' policy allows no inline code,
// style or data address.
export default defineConfig({
  plugins: [shrink(), react()],
  build: {
    assetsDir: 'static',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssMinify: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
});
