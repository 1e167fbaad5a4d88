// Package deploy holds what runs WandStore elsewhere than on a laptop: images,
// compose and Kubernetes files, and how to use them (README.md). There is no
// code to import; its tests are what keeps the files true to the services.
package deploy
