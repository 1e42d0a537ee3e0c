// MinIO's client for Go, with and without trailing headers, as the argument says.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"sallyport.world/go/step"
)

var (
	ctx    = context.Background()
	client *minio.Client
)

func put(name string, body []byte, options minio.PutObjectOptions) error {
	_, err := client.PutObject(ctx, step.Bucket, step.Prefix+name, bytes.NewReader(body), int64(len(body)), options)
	return err
}

func reads(name string, wanted []byte) error {
	object, err := client.GetObject(ctx, step.Bucket, step.Prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer object.Close()
	seen, err := io.ReadAll(object)
	if err != nil {
		return err
	}
	return step.Same(seen, wanted)
}

func roundTrip(name string, body []byte, options minio.PutObjectOptions) error {
	if err := put(name, body, options); err != nil {
		return err
	}
	return reads(name, body)
}

func main() {
	trailing := len(os.Args) > 1 && os.Args[1] == "trailing"
	step.Version("github.com/minio/minio-go/v7")
	// set-up
	web, err := credentials.NewSTSWebIdentity(step.Endpoint, func() (*credentials.WebIdentityToken, error) {
		token, err := os.ReadFile(os.Getenv("WORLD_TOKEN_FILE"))
		return &credentials.WebIdentityToken{Token: string(token), Expiry: 3600}, err
	}, func(i *credentials.STSWebIdentity) { i.RoleARN = os.Getenv("AWS_ROLE_ARN") })
	if err != nil {
		panic(err)
	}
	client, err = minio.New(strings.TrimPrefix(step.Endpoint, "https://"), &minio.Options{
		Creds: web, Secure: true, Region: "us-east-1", TrailingHeaders: trailing, MaxRetries: 1,
	})
	// end of set-up
	if err != nil {
		panic(err)
	}
	parts := minio.PutObjectOptions{PartSize: step.PartBytes}

	for _, size := range step.Sizes {
		step.Do(fmt.Sprintf("round trip of %d bytes", size), func() error {
			return roundTrip("size", step.Large[:size], minio.PutObjectOptions{})
		})
	}
	step.Do("in parts", func() error { return roundTrip("large", step.Large, parts) })
	step.Do("a stream whose size nobody knows", func() error {
		_, err := client.PutObject(ctx, step.Bucket, step.Prefix+"stream", io.MultiReader(bytes.NewReader(step.Large)), -1, parts)
		return errors.Join(err, reads("stream", step.Large))
	})
	step.Do("parts at once", func() error {
		options := parts
		options.ConcurrentStreamParts, options.NumThreads = true, 3
		_, err := client.PutObject(ctx, step.Bucket, step.Prefix+"at-once", io.MultiReader(bytes.NewReader(step.Large)), -1, options)
		return errors.Join(err, reads("at-once", step.Large))
	})
	for _, kind := range []minio.ChecksumType{minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumCRC64NVME, minio.ChecksumSHA1, minio.ChecksumSHA256} {
		if !trailing {
			break
		}
		step.Do("checksum "+kind.String(), func() error {
			return roundTrip("sum", step.Small, minio.PutObjectOptions{Checksum: kind})
		})
		step.Do("checksum "+kind.String()+" in parts", func() error {
			return roundTrip("sums", step.Large, minio.PutObjectOptions{Checksum: kind, PartSize: step.PartBytes})
		})
		step.Do("AutoChecksum "+kind.String(), func() error {
			return roundTrip("auto", step.Large, minio.PutObjectOptions{AutoChecksum: kind, PartSize: step.PartBytes})
		})
	}
	if trailing {
		step.Do("checksum of the whole, in parts", func() error {
			return roundTrip("whole", step.Large, minio.PutObjectOptions{Checksum: minio.ChecksumFullObjectCRC32C, PartSize: step.PartBytes})
		})
	}
	step.Do("Content-MD5", func() error {
		return roundTrip("md5", step.Large, minio.PutObjectOptions{SendContentMd5: true, PartSize: step.PartBytes})
	})
	step.Do("SSE-S3, in one request and in parts", func() error {
		options := minio.PutObjectOptions{ServerSideEncryption: encrypt.NewSSE(), PartSize: step.PartBytes}
		return errors.Join(roundTrip("sse", step.Small, options), roundTrip("sse-parts", step.Large, options))
	})
	step.Do("SetMatchETagExcept(*), in one request and in parts", func() error {
		options := minio.PutObjectOptions{PartSize: step.PartBytes}
		options.SetMatchETagExcept("*")
		return errors.Join(
			step.Refused(put("sse", step.Small, options), "condition", "pre-condition", "PreconditionFailed"),
			step.Refused(put("large", step.Large, options), "condition", "pre-condition", "PreconditionFailed"),
			roundTrip("new-in-parts", step.Large, options),
		)
	})
	step.Do("type, encoding, metadata, tags", func() error {
		options := minio.PutObjectOptions{ContentType: "text/plain", ContentEncoding: "gzip", UserMetadata: map[string]string{"Team": "x"}, UserTags: map[string]string{"a": "b"}}
		if err := put("typed", step.Small, options); err != nil {
			return err
		}
		stat, err := client.StatObject(ctx, step.Bucket, step.Prefix+"typed", minio.StatObjectOptions{})
		if err != nil {
			return err
		}
		tags, err := client.GetObjectTagging(ctx, step.Bucket, step.Prefix+"typed", minio.GetObjectTaggingOptions{})
		if err != nil {
			return err
		}
		return errors.Join(step.Equal(stat.ContentType, "text/plain"), step.Equal(stat.Metadata.Get("Content-Encoding"), "gzip"), step.Equal(stat.UserMetadata["Team"], "x"), step.Equal(tags.ToMap()["a"], "b"))
	})
	step.Do("seek and read", func() error {
		object, err := client.GetObject(ctx, step.Bucket, step.Prefix+"large", minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer object.Close()
		seen := make([]byte, 30)
		if _, err := object.ReadAt(seen, 5242870); err != nil {
			return err
		}
		return step.Same(seen, step.Large[5242870:5242900])
	})
	for _, key := range step.OddKeys {
		step.Do("key "+key, func() error {
			if err := roundTrip("odd/"+key, step.Small, minio.PutObjectOptions{}); err != nil {
				return err
			}
			_, err := client.CopyObject(ctx, minio.CopyDestOptions{Bucket: step.Bucket, Object: step.Prefix + "odd2/" + key}, minio.CopySrcOptions{Bucket: step.Bucket, Object: step.Prefix + "odd/" + key})
			return errors.Join(err, reads("odd2/"+key, step.Small))
		})
	}
	step.Do("listings", func() error {
		for _, old := range []bool{false, true} {
			found := 0
			for object := range client.ListObjects(ctx, step.Bucket, minio.ListObjectsOptions{Prefix: step.Prefix + "odd/", Recursive: true, MaxKeys: 3, UseV1: old}) {
				if object.Err != nil {
					return object.Err
				}
				found++
			}
			if err := step.Equal(found, len(step.OddKeys)); err != nil {
				return err
			}
		}
		return nil
	})
	step.Do("ComposeObject", func() error {
		source := func(name string) minio.CopySrcOptions {
			return minio.CopySrcOptions{Bucket: step.Bucket, Object: step.Prefix + name}
		}
		_, err := client.ComposeObject(ctx, minio.CopyDestOptions{Bucket: step.Bucket, Object: step.Prefix + "composed"}, source("large"), source("stream"))
		return errors.Join(err, reads("composed", append(bytes.Clone(step.Large), step.Large...)))
	})
	step.Do("an upload is listed and removed", func() error {
		core := minio.Core{Client: client}
		id, err := core.NewMultipartUpload(ctx, step.Bucket, step.Prefix+"unfinished", minio.PutObjectOptions{})
		if err != nil {
			return err
		}
		for upload := range client.ListIncompleteUploads(ctx, step.Bucket, step.Prefix+"unfinished", true) {
			if upload.Err != nil {
				return upload.Err
			}
			if err := step.Equal(upload.UploadID, id); err != nil {
				return err
			}
		}
		return client.RemoveIncompleteUpload(ctx, step.Bucket, step.Prefix+"unfinished")
	})
	step.Do("GetObjectAttributes", func() error {
		told, err := client.GetObjectAttributes(ctx, step.Bucket, step.Prefix+"large", minio.ObjectAttributesOptions{})
		if err != nil {
			return err
		}
		return step.Equal(told.ObjectSize, len(step.Large))
	})
	step.Do("presigned GET and PUT", func() error {
		signed, err := client.PresignedPutObject(ctx, step.Bucket, step.Prefix+"presigned", time.Minute)
		if err != nil {
			return err
		}
		request, _ := http.NewRequest(http.MethodPut, signed.String(), bytes.NewReader(step.Small))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		signed, err = client.PresignedGetObject(ctx, step.Bucket, step.Prefix+"presigned", time.Minute, url.Values{"response-content-type": {"text/css"}})
		if err != nil {
			return err
		}
		got, err := http.Get(signed.String())
		if err != nil {
			return err
		}
		seen, _ := io.ReadAll(got.Body)
		return errors.Join(step.Equal(answer.StatusCode, 200), step.Equal(got.Header.Get("Content-Type"), "text/css"), step.Same(seen, step.Small))
	})
	step.Do("BucketExists, ListBuckets", func() error {
		found, err := client.BucketExists(ctx, step.Bucket)
		if err != nil {
			return err
		}
		_, err = client.ListBuckets(ctx)
		return errors.Join(err, step.Equal(found, true))
	})
	step.Do("RemoveObject, RemoveObjects", func() error {
		if err := client.RemoveObject(ctx, step.Bucket, step.Prefix+"large", minio.RemoveObjectOptions{}); err != nil {
			return err
		}
		all := client.ListObjects(ctx, step.Bucket, minio.ListObjectsOptions{Prefix: step.Prefix, Recursive: true})
		for failed := range client.RemoveObjects(ctx, step.Bucket, all, minio.RemoveObjectsOptions{}) {
			return failed.Err
		}
		return nil
	})
}
