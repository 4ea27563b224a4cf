data {
  int<lower=0> n; int<lower=1> k;
  array[n] int<lower=1, upper=k> county; vector[k] soil; vector[n] floor_; vector[n] y;
}
parameters {
  real level; real uranium; real floor_gap;
  real<lower=0> sd_level; real<lower=0> sd_gap; real<lower=0> sigma;
  vector[k] a_raw; vector[k] b_raw;
}
transformed parameters {
  vector[k] a = level + uranium * soil + sd_level * a_raw;
  vector[k] b = floor_gap + sd_gap * b_raw;
}
model {
  level ~ normal(0, 5);
  uranium ~ normal(0, 2);
  floor_gap ~ normal(0, 2);
  sd_level ~ normal(0, 1);
  sd_gap ~ normal(0, 1);
  sigma ~ normal(0, 2);
  a_raw ~ std_normal();
  b_raw ~ std_normal();
  y ~ normal(a[county] + b[county] .* floor_, sigma);
}
