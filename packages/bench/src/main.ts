// Benchmarks are added here.
export {}
