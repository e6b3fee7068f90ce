# Sealgate in a container: current LTS Node, not root, health-checked over the control socket.
# Mount the configuration at /etc/sealgate and a volume for the spool at /var/lib/sealgate.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
RUN groupadd --system sealgate && useradd --system --gid sealgate --home-dir /var/lib/sealgate sealgate \
 && install -d -o sealgate -g sealgate -m 0700 /var/lib/sealgate /etc/sealgate
WORKDIR /opt/sealgate
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/out/src ./out/src
COPY config ./config
USER sealgate
ENV NODE_ENV=production SEALGATE_CONFIG=/etc/sealgate/sealgate.yaml
EXPOSE 25
VOLUME /var/lib/sealgate
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["node", "out/src/cli/sealgate.js", "health"]
# exec form: SIGTERM reaches the gateway, which drains; no core files, no prototype tricks
ENTRYPOINT ["node", "--disable-proto=throw", "out/src/cli/sealgate.js"]
CMD ["start"]
