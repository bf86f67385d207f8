// Package pretraining makes the small latent diffusion model from nothing: it draws
// surfaces and flaws by program, and trains on them the autoencoder, then the describer of
// flaws, then the noise predictor together with the text encoder and the spatial encoder.
package pretraining
