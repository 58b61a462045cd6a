// The random numbers that torch draws on a CPU, from the same seed the same ones: its generator is the
// Mersenne Twister, MT19937, of Matsumoto and Nishimura (1998).
const [SIZE, MIDDLE] = [624, 397]; // words of the state; the word that the first is mixed with

// seed: 0 to 2^32 - 1
export function generator(seed) {
  const state = new Uint32Array(SIZE).fill(seed);
  let drawn = SIZE;
  for (let i = 1; i < SIZE; i++) {
    const before = state[i - 1];
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }

  // 32 bits
  function next() {
    if (drawn === SIZE) twist();
    let bits = state[drawn++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  }

  function twist() {
    for (let i = 0; i < SIZE; i++) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % SIZE] ^ (bits >>> 1) ^ (bits & 1 && 0x9908b0df);
    }
    drawn = 0;
  }

  // As many numbers from 0 on and below 1, in single precision: torch.rand.
  const shares = (count) => Float32Array.from({ length: count }, () => (next() & 0xffffff) / 2 ** 24);

  return {
    shares,
    // As many whole numbers, from low on and below high: torch.randint.
    integers: (low, high, count) => Array.from({ length: count }, () => low + (next() % (high - low))),
    // As many from the normal distribution, by the rule of Box and Muller.
    normals(count) {
      const pairs = shares(2 * count);
      return Float64Array.from({ length: count }, (_, i) =>
        Math.sqrt(-2 * Math.log(1 - pairs[i])) * Math.cos(2 * Math.PI * pairs[count + i]));
    },
  };
}
