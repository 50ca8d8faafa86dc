import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** The console: static files that serve every deployment, which tells its own `/settings.json`. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    // Nothing inline: the page's policy allows scripts, styles and images from files only.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
})
