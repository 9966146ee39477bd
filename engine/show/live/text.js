// A number with four digits, as diagrams write it; three where the exponent is long.
function written(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  const power = x === 0 ? 0 : Number(x.toExponential(3).split("e")[1]);
  const [mantissa] = x.toExponential(Math.abs(power) < 100 ? 3 : 2).split("e");
  const short = text => text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  const text = power < -4 || power > 3 ? `${short(mantissa)}e${power}` : short((x + 0).toPrecision(4));
  return text.replaceAll("-", "−");
}
