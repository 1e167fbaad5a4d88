#!/bin/sh
# Creates the pages' bucket, and the services' user with the rights of policy.json, by the
# mc of MinIO's image. It may be run again, and sets the user's password anew. Wants
# MINIO_ENDPOINT, MINIO_ROOT_PASSWORD and MINIO_PAGES_PASSWORD in the environment.
set -eu
export MC_CONFIG_DIR=/tmp/mc
bucket=wandstore-generated-ui
# Not as MC_HOST_…, whose URL would have to quote the password.
mc --quiet alias set minio "http://$MINIO_ENDPOINT" wandstore "$MINIO_ROOT_PASSWORD"
mc --quiet mb --ignore-existing "minio/$bucket"
mc --quiet admin policy create minio wandstore-pages "${0%/*}/policy.json"
mc --quiet admin user add minio wandstore-pages "$MINIO_PAGES_PASSWORD"
attached=$(mc --quiet admin policy entities minio --user wandstore-pages)
case $attached in
  *wandstore-pages*wandstore-pages*) ;;
  *) mc --quiet admin policy attach minio wandstore-pages --user wandstore-pages ;;
esac
