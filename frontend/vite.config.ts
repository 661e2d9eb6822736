import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
	plugins: [sveltekit()],
	build: { target: 'es2022', reportCompressedSize: false },
	server: { proxy: { '/api': 'http://127.0.0.1:8700' } },
	test: { include: ['src/**/*.test.ts'], environment: 'node' }
});
