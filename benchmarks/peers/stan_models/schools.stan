data { int<lower=0> n; vector[n] y; vector<lower=0>[n] se; }
parameters { real mu; real<lower=0> tau; vector[n] theta_raw; }
transformed parameters { vector[n] theta = mu + tau * theta_raw; }
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta_raw ~ std_normal();
  y ~ normal(theta, se);
}
