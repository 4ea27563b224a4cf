data { int<lower=1> n; vector[n] y; }
parameters { real mu; real phi; real theta; real<lower=0> sigma; }
model {
  vector[n] shock;
  shock[1] = y[1] - (mu + phi * mu);
  for (t in 2:n) shock[t] = y[t] - (mu + phi * y[t - 1] + theta * shock[t - 1]);
  mu ~ normal(0, 10);
  phi ~ normal(0, 2);
  theta ~ normal(0, 2);
  sigma ~ cauchy(0, 2.5);
  shock ~ normal(0, sigma);
}
