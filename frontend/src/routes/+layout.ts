// The dashboard is one static page; every figure comes from the API after it has loaded.
export const ssr = false;
export const prerender = false;
