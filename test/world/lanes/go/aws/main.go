// The AWS SDK for Go, version 2: everything by default.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"sallyport.world/go/step"
)

var (
	ctx    = context.Background()
	client *s3.Client
	bucket = aws.String(step.Bucket)
)

func at(name string) *string { return aws.String(step.Prefix + name) }

func put(name string, body []byte, more ...func(*s3.PutObjectInput)) (*s3.PutObjectOutput, error) {
	input := &s3.PutObjectInput{Bucket: bucket, Key: at(name), Body: bytes.NewReader(body)}
	for _, change := range more {
		change(input)
	}
	return client.PutObject(ctx, input)
}

func read(name string, more ...func(*s3.GetObjectInput)) ([]byte, error) {
	input := &s3.GetObjectInput{Bucket: bucket, Key: at(name)}
	for _, change := range more {
		change(input)
	}
	answer, err := client.GetObject(ctx, input)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

func reads(name string, wanted []byte, more ...func(*s3.GetObjectInput)) error {
	seen, err := read(name, more...)
	if err != nil {
		return err
	}
	return step.Same(seen, wanted)
}

func source(name string) *string {
	// A plus is a space there, and PathEscape leaves it.
	return aws.String(strings.ReplaceAll(url.PathEscape(step.Bucket+"/"+step.Prefix+name), "+", "%2B"))
}

func checksum(head *s3.HeadObjectOutput, algorithm types.ChecksumAlgorithm) *string {
	return map[types.ChecksumAlgorithm]*string{
		"CRC32": head.ChecksumCRC32, "CRC32C": head.ChecksumCRC32C, "CRC64NVME": head.ChecksumCRC64NVME,
		"SHA1": head.ChecksumSHA1, "SHA256": head.ChecksumSHA256,
	}[algorithm]
}

func told(name string, algorithm types.ChecksumAlgorithm) error {
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: at(name), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return err
	}
	return step.Equal(checksum(head, algorithm) != nil, true)
}

func main() {
	step.Version("github.com/aws/aws-sdk-go-v2/service/s3")
	// set-up
	settings, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1))
	if err != nil {
		panic(err)
	}
	client = s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	// end of set-up

	step.Do("who am I", func() error {
		_, err := sts.NewFromConfig(settings).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	for _, size := range step.Sizes {
		step.Do(fmt.Sprintf("round trip of %d bytes", size), func() error {
			if _, err := put("size", step.Large[:size]); err != nil {
				return err
			}
			return reads("size", step.Large[:size])
		})
	}
	for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		step.Do("PutObject with "+string(algorithm), func() error {
			if _, err := put("sum", step.Small, func(i *s3.PutObjectInput) { i.ChecksumAlgorithm = algorithm }); err != nil {
				return err
			}
			return errors.Join(reads("sum", step.Small), told("sum", algorithm))
		})
		step.Do("manager's upload in parts with "+string(algorithm), func() error {
			_, err := manager.NewUploader(client).Upload(ctx, &s3.PutObjectInput{Bucket: bucket, Key: at("sums"), Body: bytes.NewReader(step.Large), ChecksumAlgorithm: algorithm})
			if err != nil {
				return err
			}
			return errors.Join(reads("sums", step.Large), told("sums", algorithm))
		})
	}
	step.Do("Content-Encoding and aws-chunked on one request", func() error {
		if _, err := put("encoded", step.Small, func(i *s3.PutObjectInput) { i.ContentEncoding = aws.String("gzip") }); err != nil {
			return err
		}
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: at("encoded")})
		if err != nil {
			return err
		}
		return step.Equal(aws.ToString(head.ContentEncoding), "gzip")
	})
	step.Do("a stream whose length nobody knows, by the manager", func() error {
		_, err := manager.NewUploader(client).Upload(ctx, &s3.PutObjectInput{Bucket: bucket, Key: at("stream"), Body: io.MultiReader(bytes.NewReader(step.Large)), ContentEncoding: aws.String("zstd")})
		if err != nil {
			return err
		}
		return reads("stream", step.Large)
	})
	step.Do("a stream of known length, its checksum in a trailer", func() error {
		body := io.MultiReader(bytes.NewReader(step.Large))
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: at("large"), Body: body, ContentLength: aws.Int64(int64(len(step.Large)))})
		if err != nil {
			return err
		}
		return errors.Join(reads("large", step.Large), told("large", "CRC32"))
	})
	step.Do("the transfer manager, up and down", func() error {
		transfers := transfermanager.New(client)
		if _, err := transfers.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: bucket, Key: at("transfer"), Body: bytes.NewReader(step.Large)}); err != nil {
			return err
		}
		answer, err := transfers.GetObject(ctx, &transfermanager.GetObjectInput{Bucket: bucket, Key: at("transfer")})
		if err != nil {
			return err
		}
		seen, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		return step.Same(seen, step.Large)
	})
	step.Do("manager's download in ranges", func() error {
		seen := manager.NewWriteAtBuffer(nil)
		if _, err := manager.NewDownloader(client).Download(ctx, seen, &s3.GetObjectInput{Bucket: bucket, Key: at("large")}); err != nil {
			return err
		}
		return step.Same(seen.Bytes(), step.Large)
	})
	step.Do("ranges", func() error {
		ranged := func(text string) func(*s3.GetObjectInput) {
			return func(i *s3.GetObjectInput) { i.Range = aws.String(text) }
		}
		return errors.Join(
			reads("large", step.Large[5242870:5242900], ranged("bytes=5242870-5242899")),
			reads("large", step.Large[len(step.Large)-7:], ranged("bytes=-7")),
		)
	})
	for _, key := range step.OddKeys {
		step.Do("key "+key, func() error {
			if _, err := put("odd/"+key, step.Small); err != nil {
				return err
			}
			_, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: at("odd2/" + key), CopySource: source("odd/" + key)})
			return errors.Join(err, reads("odd/"+key, step.Small), reads("odd2/"+key, step.Small))
		})
	}
	step.Do("copy-source by QueryEscape", func() error {
		escaped := step.Bucket + "/" + url.QueryEscape(step.Prefix+"odd/a b+c")
		_, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: at("copied"), CopySource: aws.String(escaped)})
		return errors.Join(err, reads("copied", step.Small))
	})
	step.Do("CopyObject with a checksum", func() error {
		answer, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: at("copied"), CopySource: source("large"), ChecksumAlgorithm: "SHA256"})
		if err != nil {
			return err
		}
		return errors.Join(step.Equal(answer.CopyObjectResult.ChecksumSHA256 != nil, true), reads("copied", step.Large))
	})
	step.Do("listing by pages", func() error {
		found := 0
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: at("odd/"), MaxKeys: aws.Int32(3), FetchOwner: aws.Bool(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, object := range page.Contents {
				if object.Owner == nil {
					return errors.New("no owner")
				}
				found++
			}
		}
		return step.Equal(found, len(step.OddKeys))
	})
	step.Do("GetObjectAttributes of several", func() error {
		answer, err := client.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: bucket, Key: at("large"), ObjectAttributes: []types.ObjectAttributes{"ETag", "ObjectSize", "Checksum"}})
		if err != nil {
			return err
		}
		return step.Equal(aws.ToInt64(answer.ObjectSize), int64(len(step.Large)))
	})
	step.Do("an upload is listed and aborted", func() error {
		made, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: at("aborted")})
		if err != nil {
			return err
		}
		listed, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket, Prefix: at("aborted")})
		if err != nil {
			return err
		}
		if len(listed.Uploads) != 1 {
			return fmt.Errorf("%d uploads were listed", len(listed.Uploads))
		}
		_, err = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: at("aborted"), UploadId: listed.Uploads[0].UploadId})
		return errors.Join(step.Equal(*listed.Uploads[0].UploadId, *made.UploadId), err)
	})
	step.Do("conditions", func() error {
		_, err := put("large", step.Small, func(i *s3.PutObjectInput) { i.IfNoneMatch = aws.String("*") })
		_, match := read("large", func(i *s3.GetObjectInput) { i.IfMatch = aws.String(`"0"`) })
		return errors.Join(step.Refused(err, "PreconditionFailed"), step.Refused(match, "PreconditionFailed"))
	})
	step.Do("a large write that is refused by its condition, three times", func() error {
		for range 3 {
			_, err := put("large", step.Large, func(i *s3.PutObjectInput) { i.IfNoneMatch = aws.String("*") })
			if err = step.Refused(err, "PreconditionFailed"); err != nil {
				return err
			}
		}
		return nil
	})
	step.Do("presigned GET and PUT", func() error {
		signer := s3.NewPresignClient(client)
		signed, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: at("presigned")})
		if err != nil {
			return err
		}
		request, _ := http.NewRequest(signed.Method, signed.URL, bytes.NewReader(step.Small))
		answer, err := step.Browser().Do(request)
		if err != nil {
			return err
		}
		signed, err = signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: at("presigned")})
		if err != nil {
			return err
		}
		got, err := step.Browser().Get(signed.URL)
		if err != nil {
			return err
		}
		seen, _ := io.ReadAll(got.Body)
		return errors.Join(step.Equal(answer.StatusCode, 200), step.Same(seen, step.Small))
	})
	step.Do("HeadBucket, ListBuckets by pages", func() error {
		_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
		names := []string{}
		pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)})
		for err == nil && pages.HasMorePages() {
			var page *s3.ListBucketsOutput
			if page, err = pages.NextPage(ctx); err == nil {
				for _, one := range page.Buckets {
					names = append(names, *one.Name)
				}
			}
		}
		return errors.Join(err, step.Equal(strings.Contains(strings.Join(names, " "), step.Bucket), true))
	})
	step.Do("the region of a bucket", func() error {
		region, err := manager.GetBucketRegion(ctx, client, step.Bucket)
		return errors.Join(err, step.Equal(region, "us-east-1"))
	})
	step.Do("what is not there", func() error {
		_, err := read("absent")
		_, head := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: at("absent")})
		return errors.Join(step.Refused(err, "NoSuchKey"), step.Refused(head, "NotFound"))
	})
	step.Do("DeleteObject, DeleteObjects", func() error {
		if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: at("large")}); err != nil {
			return err
		}
		listed, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String(step.Prefix)})
		if err != nil {
			return err
		}
		named := []types.ObjectIdentifier{}
		for _, one := range listed.Contents {
			named = append(named, types.ObjectIdentifier{Key: one.Key})
		}
		answer, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: named}})
		if err != nil {
			return err
		}
		return step.Equal(len(answer.Errors), 0)
	})
}
