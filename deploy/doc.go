// Package deploy holds the files that run WandStore outside a laptop: images, compose and
// Kubernetes files, and their documentation (README.md). It has no code to import. Its
// tests check that the files match the services.
package deploy
