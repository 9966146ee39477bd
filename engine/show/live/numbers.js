"use strict";
// The numbers of JavaScript as a number system: the names of engine/numbers/protocol.py, and the operators.
// What lies outside a domain is NaN, as in Math; what is beyond the largest number is infinite.
// Where the obvious formula loses digits, the way around it is that of engine/numbers/floats.py.
const numbers = (() => {
  const {abs, exp, log1p, sqrt} = Math;

  // --- Exact sums and products: the rounded result and its rounding error.

  const twoSum = (a, b) => {
    const s = a + b, t = s - a;
    return [s, (a - (s - t)) + (b - t)];
  };

  const split = a => {
    const t = 134217729 * a, high = t - (t - a); // 2**27 + 1
    return [high, a - high];
  };

  const twoProduct = (a, b) => {
    const p = a * b, [aHigh, aLow] = split(a), [bHigh, bLow] = split(b);
    return [p, ((aHigh * bHigh - p) + aHigh * bLow + aLow * bHigh) + aLow * bLow];
  };

  // A number over a sum, b + error, that was rounded.
  const quotient = (a, b, error) => a / b - a / b * (error / b);

  // (a + aError) / (b + bError), rounded once or nearly so.
  const quotientOfPairs = (a, aError, b, bError) => {
    const q = a / b, [product, productError] = twoProduct(q, b);
    return q + ((a - product) - productError + aError - q * bError) / b;
  };

  // 1 + exp(-|x|) with its error, which is exact, and the exponential.
  const onePlusExp = x => {
    const t = exp(-abs(x)), total = 1 + t;
    return [t, total, t - (total - 1)];
  };

  // --- Sums.

  // The sum, rounded once (Shewchuk 1997, as in Python's math.fsum).
  const fsum = xs => {
    const plain = xs.reduce((a, b) => a + b, 0);
    if (!Number.isFinite(plain)) {
      return xs.every(Number.isFinite) ? fsum(xs.map(x => x * 2 ** -64)) * 2 ** 64 : plain;
    }
    const parts = [];
    for (let x of xs) {
      let kept = 0;
      for (const y of parts) {
        const [sum, error] = twoSum(x, y);
        if (error) parts[kept++] = error;
        x = sum;
      }
      parts.length = kept;
      parts.push(x);
    }
    let high = parts.pop() ?? 0, low = 0;
    while (parts.length && !low) [high, low] = twoSum(high, parts.pop());
    const next = parts.pop() ?? 0;
    if (low * next > 0 && high + 2 * low - high === 2 * low) return high + 2 * low; // half a unit, and more below
    return high;
  };

  const sumprod = (p, q) => fsum(p.flatMap((a, i) => {
    const [product, error] = twoProduct(a, q[i]);
    return Number.isFinite(error) ? [product, error] : [product];
  }));

  // --- Functions of one number.

  const sech2 = x => {
    const t = exp(-2 * abs(x)), total = 1 + t, error = t - (total - 1);
    const [square, squareError] = twoProduct(total, total);
    return quotient(4 * t, square, squareError + 2 * total * error);
  };

  const tanh = x => {
    if (abs(x) > 22) return Math.sign(x);
    const t = Math.expm1(2 * abs(x)), y = quotient(t, ...twoSum(t, 2));
    return x < 0 ? -y : x === 0 ? x : y;
  };

  const acosh = x => {
    if (!(x >= 1 && x < 2)) return Math.acosh(x);
    const t = x - 1, [total, totalError] = twoSum(t, 2), [square, error] = twoProduct(t, total);
    if (square === 0) return 0;
    const root = sqrt(square), [rootSquare, rootError] = twoProduct(root, root); // of x**2 - 1
    const rootRest = ((square - rootSquare) - rootError + error + t * totalError) / (2 * root);
    const [argument, rest] = twoSum(root, t);
    return log1p(argument) + (rest + rootRest) / (1 + argument);
  };

  const sigmoid = x => {
    const [t, total, error] = onePlusExp(x);
    return quotient(x >= 0 ? 1 : t, total, error);
  };

  // (a + error) * exp(-512): what would underflow on the way is computed times exp(512).
  const scaledDown = (a, error) =>
    a * 4.377491037053051e-223 + (a * 2.706079830228623e-239 + error * 4.377491037053051e-223);

  const silu = x => {
    if (x < -700) return x > -760 ? scaledDown(...twoProduct(x, exp(x + 512))) : -0;
    if (x > 40) return x;
    const [t, total, error] = onePlusExp(x);
    return x >= 0 ? quotient(x, total, error) : quotientOfPairs(...twoProduct(x, t), total, error);
  };

  const softplus = x => log1p(exp(-abs(x))) + (x > 0 ? x : 0);

  // --- The normal distribution.

  const gaussian = x => {
    if (abs(x) > 40) return 0;
    const [square, error] = twoProduct(x, x), value = exp(-0.5 * square);
    return value - value * (0.5 * error);
  };

  // erf(x) / (2 x / sqrt(pi)) - 1 as a polynomial of x**2, lowest first (DLMF 7.6.1).
  const series = [];
  for (let n = 1, factorial = 1; n <= 13; n += 1, factorial *= -n) series.push(-1 / factorial / (2 * n + 1));

  const slope = 1.1283791670955126; // 2 / sqrt(pi)

  const erf = x => {
    if (abs(x) >= 0.5) return Math.sign(x) * (1 - erfc(abs(x)));
    return slope * x + slope * x * series.reduceRight((sum, a) => (sum + a) * x * x, 0);
  };

  // (1 + 2 x) exp(x**2) erfc(x) on [0.5, 29], in Chebyshev polynomials of (x - 3) / (x + 3)
  // (Shepherd and Laframboise 1981).
  const chebyshev = [
    1.222950881314767, -0.060264226488552945, -0.028360580034019818, 0.01710573610871001, -0.005194804746307289,
    0.0010394053310131322, -0.0001300859687105481, 5.343671462389962e-06, 1.3258925711666177e-06,
    -2.2151799745438855e-07, -6.29434235300927e-09, 4.687217571706039e-09, -8.723081279068849e-11,
    -9.951159618062435e-11, 3.856372930539585e-12, 2.368263390913612e-12, -8.471281042322338e-14,
    -6.313236952606367e-14, 6.598282100713592e-16, 1.7907318291601935e-15, 6.038407807275258e-17,
    -5.0120013760814e-17, -4.909692825663233e-18,
  ];

  // erfc(x + error) and its rounding error; in the tail, if asked for, times exp(lift).
  const erfcAndError = (x, error = 0, lift = 0) => {
    if (!(x >= 0.5)) return [1 - erf(x), 0];
    if (x > 29) return [0, 0];
    const low = -5 / 7, high = 13 / 16, u = (2 * (x - 3) / (x + 3) - low - high) / (high - low);
    let after = 0, sum = 0;
    for (let k = chebyshev.length - 1; k > 0; k -= 1) [after, sum] = [sum, 2 * u * sum - after + chebyshev[k]];
    const scaled = (chebyshev[0] + (u * sum - after)) / (1 + 2 * x);
    const [square, squareError] = twoProduct(x, x), scale = exp(lift - square);
    const [value, rest] = twoProduct(scale, scaled);
    return [value, rest - scale * (squareError * scaled + error * slope)];
  };

  const erfc = x => {
    const [value, error] = erfcAndError(x);
    return value + error;
  };

  // erfc(-x / sqrt(2)), twice the normal distribution function, and its error.
  const twiceNormal = (x, lift = 0) => {
    const [high, error] = twoProduct(-x, 0.7071067811865476); // sqrt(1/2) in two numbers
    return erfcAndError(high, error + x * 4.833646656726457e-17, lift);
  };

  const normal_cdf = x => {
    if (abs(x) > 40) return x < 0 ? 0 : 1;
    const [value, error] = twiceNormal(x);
    return 0.5 * (value + error);
  };

  const gelu = x => {
    if (abs(x) > 40) return x < 0 ? -0 : x;
    const lift = x < -36 ? 512 : 0, [value, error] = twiceNormal(x, lift);
    const [product, rest] = twoProduct(0.5 * x, value), all = rest + 0.5 * x * error;
    return lift ? scaledDown(product, all) : product + all;
  };

  // --- Choices. A condition holds where it is not zero, as NaN is not.

  const extreme = further => xs => xs.some(Number.isNaN) ? NaN : xs.reduce((a, b) => further(b, a) ? b : a);

  // --- Products. Exponents are added up apart, so that only a result overflows or underflows.

  const bits = new DataView(new ArrayBuffer(8));

  const factor = x => { // mantissa, its error, exponent
    if (x === 0 || !Number.isFinite(x)) return [x, 0, 0];
    const tiny = abs(x) < 2 ** -1022 ? 54 : 0;
    bits.setFloat64(0, x * 2 ** tiny);
    const exponent = (bits.getUint16(0) >> 4 & 0x7ff) - 1022;
    return [x * 2 ** tiny * 2 ** -exponent, 0, exponent - tiny];
  };

  const scaled = (x, exponent) => { // x * 2**exponent, rounded once, for x of ordinary size
    for (; exponent > 1000; exponent -= 1000) x *= 2 ** 1000;
    for (; exponent < -1000; exponent += 1000) x *= 2 ** -1000;
    return x * 2 ** exponent;
  };

  const times = ([x, xError, xExponent], [y, yError, yExponent]) => {
    const [product, rounding] = twoProduct(x, y), [mantissa, , lift] = factor(product);
    return [mantissa, scaled(x * yError + xError * y + rounding, -lift), xExponent + yExponent + lift];
  };

  const one = [1, 0, 0];
  const rounded = ([x, error, exponent]) => Number.isFinite(x) ? scaled(x + error, exponent) : x;
  const prod = xs => rounded(xs.map(factor).reduce(times, one));

  const products_of_others = xs => {
    const factors = xs.map(factor), before = [one], after = [one];
    for (const x of factors.slice(0, -1)) before.push(times(before.at(-1), x));
    for (const x of factors.slice(1).reverse()) after.push(times(after.at(-1), x));
    return before.map((x, i) => rounded(times(x, after.at(-1 - i))));
  };

  // --- Functions of many exponentials, from exact differences to the largest.

  const expDifferences = (xs, y) => {
    const differences = xs.map(x => twoSum(x, -y)), values = differences.map(([difference]) => exp(difference));
    return [values, values.map((value, i) => value ? value * differences[i][1] : 0)];
  };

  const sumOf = ([values, errors]) => {
    const total = fsum([...values, ...errors]);
    return [total, fsum([...values, ...errors, -total])];
  };

  // log(sum(exp(x - largest))), where the largest itself contributes the 1 of log1p; and its error.
  const log1pRest = (xs, largest) => {
    const place = xs.indexOf(largest), rest = xs.filter((_, i) => i !== place);
    const [total, error] = sumOf(expDifferences(rest, largest));
    return [log1p(total), error / (1 + total)];
  };

  const logsumexp = xs => {
    const largest = system.max(xs);
    return Number.isFinite(largest) ? fsum([largest, ...log1pRest(xs, largest)]) : largest;
  };

  const log_softmax = xs => {
    const largest = system.max(xs);
    if (!Number.isFinite(largest)) return xs.map(x => x - largest);
    const [total, error] = log1pRest(xs, largest);
    return xs.map(x => Number.isFinite(x - largest) ? fsum([x, -largest, -total, -error]) : -Infinity);
  };

  const softmax = xs => {
    const [values, errors] = expDifferences(xs, system.max(xs)), total = sumOf([values, errors]);
    return values.map((value, i) => quotientOfPairs(value, errors[i], ...total));
  };

  const system = {
    add: (x, y) => x + y,
    sub: (x, y) => x - y,
    mul: (x, y) => x * y,
    div: (x, y) => x / y,
    neg: x => -x,
    pow: (x, p) => x === 1 || (x === -1 && abs(p) === Infinity) ? 1 : Math.pow(x, p),
    abs, exp, expm1: Math.expm1, log: Math.log, log1p, log2: Math.log2, log10: Math.log10, sqrt, cbrt: Math.cbrt,
    sin: Math.sin, cos: Math.cos, tan: Math.tan,
    asin: Math.asin, acos: Math.acos, atan: Math.atan, atan2: Math.atan2,
    sinh: Math.sinh, cosh: Math.cosh, tanh, sech2,
    asinh: Math.asinh, acosh, atanh: Math.atanh,
    erf, erfc, gaussian, normal_cdf,
    sign: x => x > 0 ? 1 : x < 0 ? -1 : x + 0,
    step: x => x > 0 ? 1 : x <= 0 ? 0 : x,
    equal: (x, y) => x === y ? 1 : 0,
    where: (condition, a, b) => condition === 0 ? b : a,
    max: extreme((a, b) => a > b),
    min: extreme((a, b) => a < b),
    fsum, sumprod, prod, products_of_others, hypot: Math.hypot,
    sigmoid, softplus, gelu, silu, logsumexp, softmax, log_softmax,
    pi: Math.PI,
  };
  return system;
})();
