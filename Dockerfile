# The gateway alone: HAProxy belongs in front of it (docker-compose.yml). CI does the steps of this file in folders of Debian 12
# and runs the result (npm run verify:packages); it builds no image.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
# No package may run code of its own while it is installed.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /opt/sallyport
COPY package.json LICENSE ./
COPY bin ./bin
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# Volumes that are mounted here for the first time take the owner over.
RUN install -d -o 1000 -g 1000 -m 0700 /run/sallyport /var/lib/sallyport /var/lib/sallyport/audit
# By number, so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 9190
STOPSIGNAL SIGTERM
# In exec form: signals reach the gateway, and it drains.
# The flags are those of bin/sallyport.js, which says what they are for.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--initial-old-space-size=64", "--heap-growing-percent=50", "--expose-gc", "bin/sallyport.js"]
# Reads /etc/sallyport/sallyport.yaml where it is mounted, else variables alone (docs/configuration.md).
CMD ["serve"]
