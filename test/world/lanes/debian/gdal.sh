# GDAL's /vsis3/, by session keys.
. "$(dirname "$0")/step.sh"
version gdal-bin
# set-up
export AWS_S3_ENDPOINT="${WORLD_ENDPOINT#https://}" AWS_HTTPS=YES AWS_VIRTUAL_HOSTING=FALSE
# end of set-up
export S3="/vsis3/$ROOT" GDAL_HTTP_MAX_RETRY=0
step 'a raster is made' 'gdal_create -of GTiff -outsize 2000 1500 -bands 3 -burn 1 -burn 2 -burn 3 -a_srs EPSG:4326 -a_ullr 0 10 20 0 raster.tif'
step 'cp up and down' 'gdal vsi copy raster.tif "$S3/raster.tif"; gdal vsi copy "$S3/raster.tif" back.tif; cmp raster.tif back.tif'
step 'info by ranges' 'gdalinfo "$S3/raster.tif" | grep >/dev/null "Size is 2000, 1500"'
step 'translate from S3 to S3' 'gdal_translate -q -of COG "$S3/raster.tif" "$S3/a b+(1).tif" --config CPL_VSIL_USE_TEMP_FILE_FOR_RANDOM_WRITE YES; gdalinfo "$S3/a b+(1).tif" | grep >/dev/null COG'
step 'vector' 'printf "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"n\":1},\"geometry\":{\"type\":\"Point\",\"coordinates\":[1,2]}}]}" >p.json; ogr2ogr -f GeoJSON "$S3/p.json" p.json; ogrinfo -al "$S3/p.json" | grep >/dev/null "POINT (1 2)"'
step 'list' 'gdal vsi list -R "$S3/" | grep >/dev/null raster.tif'
step 'move' 'gdal vsi move "$S3/raster.tif" "$S3/moved.tif"; gdalinfo "$S3/moved.tif"'
step 'delete' 'gdal vsi delete -r "$S3/"'
